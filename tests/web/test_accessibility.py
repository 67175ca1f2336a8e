"""WCAG 2.2 AA by axe-core, for the switch in each look and state, and for the pages around it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from freespan.browsers import Page
from freespan.browsers.chromium import ChromiumPage
from tests.web.fakes import FakeHost, FakeSite

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAGES = (
    "/",
    "/about",
    "/embed",
    "/embed?layout=card&theme=page&lang=ar",
    "/embed/configure",
    "/headless",
    "/join",
    "/join#freespan2_AAAA",
)
LAYOUTS = ("inline", "card", "banner", "floating")
GROUNDS = {"light": ["light", "#fff", "#111"], "dark": ["dark", "#111", "#eee"]}
"""What stands behind a switch: a scheme, and colours."""

STAGES = """
<style>
  main {{ display: grid; grid-template-columns: repeat(auto-fill, 30rem); gap: 1rem }}
  .stage {{ contain: layout; position: relative; min-height: 36rem; padding: 1rem }}
</style>
<script>
  // Another tab is the leader, and helps two readers; storage is as on a first visit.
  const helps = {helps};
  const shared = `freespan-switch ${{new URL("./", "{script}")}}`;
  const status = {{ state: "helping", reason: "", now: 2, today: 3, ever: 4, megabytes: 5, elsewhere: false }};
  if (helps) {{
    navigator.locks?.request(shared, () => new Promise(() => {{}}));
    const channel = new BroadcastChannel(shared);
    channel.onmessage = ({{ data }}) => data.hello && channel.postMessage({{ status, welcome: true }});
  }}
  Storage.prototype.getItem = () => null;
  const zone = Intl.DateTimeFormat.prototype.resolvedOptions;
  Intl.DateTimeFormat.prototype.resolvedOptions = function () {{
    return {{ ...zone.call(this), ...(helps ? {{}} : {{ timeZone: "Asia/Tehran" }}) }};
  }};
</script>
<main><h1>Switches</h1></main>
<script type="module" src="{script}"></script>
<script type="module">
  const make = ({{ name, action, ground: [scheme, ground, ink], attributes }}) => {{
    const stage = document.createElement("section");
    stage.className = "stage";
    stage.setAttribute("aria-label", name);
    Object.assign(stage.style, {{ background: ground, color: ink, colorScheme: scheme }});
    const one = document.createElement("freespan-switch");
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    stage.append(one);
    document.querySelector("main").append(stage);
    if (action) one.shadowRoot.querySelector(`[data-action=${{action}}]`).click();
    return one;
  }};
  const all = {cases}.map(make);
  const asks = () => all.filter((one) => one.hasAttribute("goodbye"));
  const now = performance.now.bind(performance);
  performance.now = () => now() + 60_000;
  const ready = () => all.every((one) => {{
    const root = one.shadowRoot;
    for (const section of root.querySelectorAll("details")) section.open = true;
    const settled = one.getAttribute("state") === (helps ? "helping" : "off");
    const buttons = [...root.querySelectorAll("[data-action=turn-on]")].filter((yes) => yes.checkVisibility());
    const answers = buttons.every((yes) => !yes.disabled && yes.textContent);
    const isOpen = root.querySelector("[data-action=more]").getAttribute("aria-expanded") === "true";
    return settled && answers && (!isOpen || root.querySelector(".panel"));
  }});
  window.ready = () => {{
    const leaves = new MouseEvent("mouseleave", {{ clientY: -1 }});
    if (asks().some((one) => !one.shadowRoot.querySelector(".toast"))) document.documentElement.dispatchEvent(leaves);
    return ready() && asks().every((one) => one.shadowRoot.querySelector(".toast [data-action=turn-on]:enabled"));
  }};
</script>
"""


def case(layout: str, theme: str, action: str, ground: str, **attributes: str) -> dict[str, Any]:
    name = " ".join((layout, theme, action or "off", "on", ground, *attributes))
    return {
        "name": name,
        "action": action,
        "ground": GROUNDS[ground],
        "attributes": {"layout": layout, "theme": theme, **attributes},
    }


def looks(actions: tuple[str, ...]) -> list[dict[str, Any]]:
    """Each layout in each theme, left to right, and one of each right to left."""
    themes = (("light", "light"), ("dark", "dark"), ("page", "light"), ("page", "dark"))
    cases = [
        case(layout, theme, action, ground)
        for layout in LAYOUTS
        for theme, ground in themes
        for action in actions
        if action != "switch" or layout in ("inline", "floating")  # the others ask already
    ]
    cases += [case(layout, "light", actions[-1], "light", lang="fa", size="small") for layout in LAYOUTS]
    return cases


@pytest.fixture(scope="session")
def axe() -> str:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: `make check-js` does it, with npm")
    return AXE.read_text("utf-8")


async def violations(page: Page, axe: str) -> list[str]:
    """The findings of axe, one line for each rule and node."""
    await page.evaluate(f"(() => {{ if (!window.axe) {{\n{axe}\n}} return true; }})()")
    found: list[str] = await page.evaluate(f"""(async () => {{
        const runOnly = {{ type: "tag", values: {json.dumps(RULES)} }};
        const rules = {{ runOnly, resultTypes: ["violations"], iframes: false }};
        const {{ violations }} = await window.axe.run(document, rules);
        return violations.flatMap(({{ id, nodes }}) => nodes.map(({{ target, any }}) => {{
            const stage = document.querySelector([target[0]].flat()[0])?.closest(".stage");
            return [id, stage?.getAttribute("aria-label"), [target].flat(2).slice(-1)[0], any[0]?.message].join(" | ");
        }}));
    }})()""")
    return found


async def show(page: Page, site: FakeSite, host: FakeHost, cases: list[dict[str, Any]], *, helps: bool) -> None:
    site.page = STAGES.format(script=f"{host.url}/switch.js", cases=json.dumps(cases), helps=json.dumps(helps))
    await page.navigate(site.url)
    await page.wait_for("window.ready?.()")


async def test_a_switch_that_is_off(page: Page, site: FakeSite, host: FakeHost, axe: str) -> None:
    cases = looks(("", "switch", "more")) if isinstance(page, ChromiumPage) else looks(("more",))
    toasts = [
        case("inline", theme, "", ground, goodbye="")
        for theme, ground in (("light", "light"), ("dark", "dark"), ("page", "dark"))
    ]
    await show(page, site, host, cases + toasts, helps=False)
    assert await violations(page, axe) == []


async def test_a_switch_that_helps(page: Page, site: FakeSite, host: FakeHost, axe: str) -> None:
    cases = looks(("", "more")) if isinstance(page, ChromiumPage) else looks(("more",))
    await show(page, site, host, cases, helps=True)
    assert await violations(page, axe) == []


async def test_the_pages_around_it(page: Page, host: FakeHost, axe: str) -> None:
    found = {}
    for path in PAGES:
        await page.navigate(host.url + path)
        await page.wait_for("!document.querySelector('freespan-switch:not([state])')")
        for scheme in ("light", "dark") if isinstance(page, ChromiumPage) else ("light",):
            if isinstance(page, ChromiumPage):
                await page.call(
                    "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
                )
            if problems := await violations(page, axe):
                found[path, scheme] = problems
    assert found == {}
