"""The switch in pages of all kinds: unclosed, rewritten, strict, old, and moved about."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.typedefs import Handler

from freespan.browsers import Page, switch
from tests.web.fakes import FakeHost, FakeSite, part, served, soon, state, turn_on

pytestmark = pytest.mark.asyncio(loop_scope="session")

RECORDER = """window.failures = []; window.warnings = [];
  onerror = (message) => void failures.push(String(message));
  onunhandledrejection = ({ reason }) => failures.push(String(reason));
  console.warn = (text) => warnings.push(text);"""
SWITCH = "document.querySelector('freespan-switch')"


class WholePages(FakeSite):
    """A site that serves the page as it is, of any type; `others` are pages beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.type = "text/html"
        self.others: dict[str, str] = {}

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        text = self.others.get(request.path, self.page)
        return web.Response(text=text, content_type=self.type, headers=self.headers)

    def application(self) -> web.Application:
        application = super().application()
        application.router.add_get("/{name}", self._serve)
        return application


@pytest_asyncio.fixture(loop_scope="session")
async def site() -> AsyncIterator[WholePages]:
    site = WholePages()
    site.page = "<!doctype html><title>nothing yet</title>"
    async with served(site):
        yield site


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def nothing_is_thrown(page: Page) -> AsyncIterator[None]:
    """The last page of each test has had no error that nobody caught."""
    yield
    assert await page.evaluate("window.failures ?? []") == []


def script(host: FakeHost) -> str:
    return f'<script type="module" src="{host.url}/switch.js"></script>'


async def show(page: Page, site: WholePages, body: str, head: str = "") -> None:
    recorder = f"<script>{RECORDER}</script>"
    site.page = f'<!doctype html><html lang="en"><title>x</title>{recorder}{head}<body>{body}</body></html>'
    await page.navigate(site.url)


# --- tags that are not closed --------------------------------------------------------------------
@pytest.mark.parametrize(
    ("tags", "switches"),
    [
        ("<freespan-switch />", 1),
        ("<freespan-switch>", 1),
        ("<section><freespan-switch layout=card />", 1),
        ("<freespan-switch layout=floating />", 1),
        ("<div><freespan-switch size=large theme=dark globe=false><hr>", 1),
        ("<freespan-switch /><freespan-switch />", 2),
        ("<freespan-switch><span slot=title>Ours</span>", 1),
    ],
)
async def test_what_follows_a_tag_that_is_not_closed_stays_visible(
    page: Page, site: WholePages, host: FakeHost, tags: str, switches: int
) -> None:
    after = "<h2 id=after>What follows</h2> and bare text <p id=small style='font-size:10px'>small</p>"
    await show(page, site, f"<p id=before>before</p>{script(host)}{tags}{after}")
    await page.wait_for("warnings.length > 0")
    for name in ("after", "small"):
        assert await page.evaluate(f"{name}.checkVisibility() && {name}.getBoundingClientRect().height > 5")
    await page.wait_for("getComputedStyle(after).fontSize === '24px'")  # as in any page whose text has 16
    assert await page.evaluate("getComputedStyle(small).fontSize") == "10px"
    wide = "after.getBoundingClientRect().width > before.getBoundingClientRect().width * 0.9"
    assert await page.evaluate(wide)
    warnings = await page.evaluate("[...new Set(warnings)]")
    assert warnings == [
        "freespan-switch: is not closed, so what follows is inside it; write </freespan-switch> behind it"
    ]
    assert await page.evaluate("document.querySelectorAll('freespan-switch[state]').length") == switches
    shown = "freespan-switch" if "floating" not in tags else "freespan-switch[layout=floating]"
    await switch.wait_until_visible(page, shown)


@pytest.mark.parametrize("inside", ["", "\n  \n", "<!-- nothing -->", "<span slot=title>Ours</span>\n"])
async def test_a_tag_that_is_closed_is_as_small_as_it_was(
    page: Page, site: WholePages, host: FakeHost, inside: str
) -> None:
    await show(page, site, f"{script(host)}<freespan-switch>{inside}</freespan-switch>")
    await switch.wait_until_visible(page)
    assert await page.evaluate(f"getComputedStyle({SWITCH}).display") == "inline-block"
    box = f"{SWITCH}.shadowRoot.querySelector('.box').getBoundingClientRect().height"
    assert await page.evaluate(f"Math.abs({SWITCH}.getBoundingClientRect().height - {box}) < 1")
    assert await page.evaluate("warnings") == []


# --- moved about ---------------------------------------------------------------------------------
LATER = {
    "at once": "await null",
    "one frame": "await new Promise(requestAnimationFrame)",
    "two frames": "await new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))",
    "a while": "await new Promise((r) => setTimeout(r, 200))",
}


@pytest.mark.parametrize("later", LATER)
async def test_put_back_later_it_stays_on(page: Page, site: WholePages, host: FakeHost, later: str) -> None:
    await show(page, site, f"{script(host)}<freespan-switch></freespan-switch><div id=there></div>")
    first = await turn_on(page, host)
    await page.evaluate(
        f"(async () => {{ const one = {SWITCH}; one.remove(); {LATER[later]}; there.append(one); return 0 }})()"
    )
    await soon(first.gone.wait())
    await host.bridge()
    await state(page, "waiting")
    await switch.turn_off(page)
    await state(page, "off")


async def test_taken_out_for_good_it_ends_and_another_host_meanwhile_counts(
    page: Page, site: WholePages, host: FakeHost
) -> None:
    await show(page, site, f"{script(host)}<freespan-switch></freespan-switch>")
    first = await turn_on(page, host)
    await page.evaluate(f"(window.one = {SWITCH}, one.remove(), 0)")
    await soon(first.gone.wait())
    await page.evaluate("(one.setAttribute('host', location.origin), document.body.append(one), 0)")
    await state(page, "off")
    assert host.bridges_seen == 1


# --- kinds of pages ------------------------------------------------------------------------------
LINE = "SCRIPT<freespan-switch></freespan-switch>"
PAGES = {
    "upper case": f"<!DOCTYPE HTML><HTML><BODY>{LINE.replace('freespan-switch', 'FREESPAN-SWITCH')}",
    "two copies of the script": f"<!doctype html><body>SCRIPT{LINE}SCRIPT",
    "in the head, twice": "<!doctype html><head>SCRIPTSCRIPT<title>x</title><body><freespan-switch></freespan-switch>",
    "quirks mode": f"<html><body><table><tr><td>{LINE}</table>",
    "old doctype": f'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN"><center><font size=7>{LINE}</font>',
    "noscript everywhere": (
        f"<!doctype html><noscript><style>body{{display:none}}</style></noscript><body><noscript><p>no</noscript>"
        f"<noscript><img src=x></noscript>{LINE}<noscript><iframe src=x></iframe></noscript>"
    ),
    "put in by a script": (
        "<!doctype html><body>SCRIPT<script>document.body.append(document.createElement('freespan-switch'))</script>"
    ),
    "by innerHTML": (
        "<!doctype html><body><div id=d></div>SCRIPT"
        "<script>d.innerHTML = '<freespan-switch layout=card></freespan-switch>'</script>"
    ),
    "nothing else": LINE,
}


@pytest.mark.parametrize("kind", PAGES)
async def test_it_helps_in_pages_of_many_kinds(page: Page, site: WholePages, host: FakeHost, kind: str) -> None:
    site.page = PAGES[kind].replace("SCRIPT", script(host))
    await page.navigate(site.url)
    await turn_on(page, host)
    assert await part(page, "getComputedStyle(root.querySelector('.box')).fontSize") == "14.5px"


async def test_in_a_shadow_root(page: Page, site: WholePages, host: FakeHost) -> None:
    inner = "document.querySelector('#outer').shadowRoot.querySelector('freespan-switch')"
    markup = (
        "<template shadowrootmode=open><div lang=fr><freespan-switch layout=card></freespan-switch></div></template>"
    )
    await show(page, site, f"<div id=outer>{markup}</div>{script(host)}")
    await page.wait_for(f"{inner}?.shadowRoot?.querySelector('.box').lang === 'fr'")
    await page.wait_for(f"{inner}.shadowRoot.querySelector('[data-action=turn-on]').disabled === false")
    await page.evaluate(f"({inner}.shadowRoot.querySelector('[data-action=turn-on]').click(), 0)")
    await host.bridge()
    await page.wait_for(f"{inner}.getAttribute('state') === 'waiting'")


@pytest.mark.parametrize("sandbox", ["allow-scripts", "allow-scripts allow-same-origin", "allow-scripts allow-popups"])
async def test_in_a_frame_with_a_sandbox(page: Page, site: WholePages, host: FakeHost, sandbox: str) -> None:
    tell = "<script>addEventListener('freespan-state', ({ detail }) => parent.postMessage(detail.state, '*'));"
    click = (
        "customElements.whenDefined('freespan-switch').then(() => setInterval(() => {"
        "const yes = document.querySelector('freespan-switch').shadowRoot.querySelector('[data-action=turn-on]');"
        "if (!yes.disabled && !window.clicked) { window.clicked = true; yes.click(); } }, 20))</script>"
    )
    site.others["/inner"] = f"<!doctype html>{tell}{click}{LINE.replace('SCRIPT', script(host))}".replace(
        "<freespan-switch", "<freespan-switch layout=card"
    )
    listen = "<script>window.states = []; onmessage = ({ data }) => states.push(data)</script>"
    await show(page, site, f"{listen}<iframe sandbox='{sandbox}' src='/inner' width=600 height=600></iframe>")
    await host.bridge()
    await page.wait_for("states.includes('waiting')")


XHTML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" LANGS><head><title>x</title></head><body>
<div><script type="module" async="async" src="HOST/switch.js"></script><freespan-switch layout="card" /></div>
<p id="after">after</p>
</body></html>"""


@pytest.mark.parametrize(
    ("type_", "languages", "wanted"),
    [
        ("application/xhtml+xml", 'xml:lang="fr"', "fr"),
        ("application/xhtml+xml", 'xml:lang="uk" lang="uk"', "uk"),
        ("application/xhtml+xml", 'lang="de"', "de"),
        ("text/html", 'xml:lang="es"', "es"),
    ],
)
async def test_xhtml_and_its_language(
    page: Page, site: WholePages, host: FakeHost, type_: str, languages: str, wanted: str
) -> None:
    site.type, site.page = type_, XHTML.replace("HOST", host.url).replace("LANGS", languages)
    await page.navigate(site.url)
    await page.wait_for(f"{SWITCH}?.shadowRoot?.querySelector('.box').lang === '{wanted}'")
    await turn_on(page, host)
    assert await page.evaluate("document.getElementById('after').checkVisibility()")


# --- strict policies -----------------------------------------------------------------------------
POLICIES = {
    "nonce": "script-src 'nonce-abc'",
    "strict-dynamic": "script-src 'nonce-abc' 'strict-dynamic'",
    "strict-dynamic, as it is usually written": (
        "script-src 'nonce-abc' 'strict-dynamic' https: 'unsafe-inline'; object-src 'none'; base-uri 'none'"
    ),
    "everything": (
        "default-src 'none'; script-src 'nonce-abc' 'strict-dynamic'; frame-src HOST/; connect-src HOST/;"
        " style-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "trusted types": "require-trusted-types-for 'script'",
}


@pytest.mark.parametrize("name", POLICIES)
async def test_strict_policies_of_a_page(page: Page, site: WholePages, host: FakeHost, name: str) -> None:
    site.headers = {"Content-Security-Policy": POLICIES[name].replace("HOST", host.url)}
    line = LINE.replace("SCRIPT", script(host).replace("<script", "<script nonce=abc"))
    recorder = f"<script nonce=abc>{RECORDER}</script>"
    site.page = (
        f"<!doctype html><html lang=fr>{recorder}<body>{line.replace('<freespan-switch', '<freespan-switch globe')}"
    )
    await page.navigate(site.url)
    await page.wait_for(f"{SWITCH}?.shadowRoot?.querySelector('.box').lang === 'fr'")
    await turn_on(page, host)
    # and the parts that are loaded later
    await part(page, "root.querySelector('[data-action=more]').click(), 1")
    await page.wait_for(f"{SWITCH}.shadowRoot.querySelectorAll('summary').length === 2")


# --- a server in front of the host ---------------------------------------------------------------
def host_behind(headers: dict[str, str]) -> FakeHost:
    """A host behind a web server that adds these headers to whatever it passes on."""

    @web.middleware
    async def add(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if not isinstance(response, web.WebSocketResponse):
            for name, value in headers.items():
                response.headers.add(name, value)
        return response

    class Host(FakeHost):
        def application(self) -> web.Application:
            application = super().application()
            application.middlewares.append(add)
            return application

    return Host()


HURRY = "<script>const real = setTimeout; setTimeout = (f, ms, ...rest) => real(f, ms / 20, ...rest)</script>"


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"X-Frame-Options": "SAMEORIGIN"}, "X-Frame-Options: SAMEORIGIN"),
        ({"X-Frame-Options": "DENY"}, "X-Frame-Options: DENY"),
        ({"Content-Security-Policy": "frame-ancestors 'self'"}, "frame-ancestors 'self'"),
        (
            {"Content-Security-Policy": "img-src *; frame-ancestors https://other.example; font-src *"},
            "frame-ancestors https://other.example",
        ),
    ],
)
async def test_a_server_in_front_that_forbids_frames_is_named_as_the_host_s_fault(
    page: Page, site: WholePages, headers: dict[str, str], named: str
) -> None:
    host = host_behind(headers)
    async with served(host):
        await show(page, site, HURRY + LINE.replace("SCRIPT", script(host)))
        await page.evaluate("addEventListener('freespan-state', ({ detail }) => (window.last = detail)), 1")
        await switch.turn_on(page)
        await state(page, "blocked")
        assert await page.evaluate("last.reason") == "host"
        await page.wait_for(
            f"{SWITCH}.shadowRoot.getElementById('status').textContent === 'Its own server blocks it here'"
        )
        warnings: Any = await page.evaluate("warnings")
        assert any(json.dumps(named)[1:-1] in warning for warning in warnings), warnings
        assert host.bridges_seen == 0


@pytest.mark.parametrize(
    "policy", ["frame-ancestors SITE", "frame-ancestors *", "frame-ancestors 'self' SITE https://b.example"]
)
async def test_a_server_in_front_that_allows_this_site_is_no_hindrance(
    page: Page, site: WholePages, policy: str
) -> None:
    host = host_behind({"Content-Security-Policy": policy.replace("SITE", site.url)})
    async with served(host):
        await show(page, site, LINE.replace("SCRIPT", script(host)))
        await turn_on(page, host)


async def test_an_extension_that_empties_frames_is_not_the_host(page: Page, site: WholePages, host: FakeHost) -> None:
    empty = """<script>Object.defineProperty(HTMLIFrameElement.prototype, "src", { set() {} })</script>"""
    await show(page, site, HURRY + empty + LINE.replace("SCRIPT", script(host)))
    await page.evaluate("addEventListener('freespan-state', ({ detail }) => (window.last = detail)), 1")
    await switch.turn_on(page)
    await state(page, "blocked")
    assert await page.evaluate("last.reason") == ""
    await page.wait_for(f"{SWITCH}.shadowRoot.getElementById('status').textContent.startsWith('Blocked by this page')")
