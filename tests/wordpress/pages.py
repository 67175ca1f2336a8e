"""What people do in WordPress, in a real browser."""

from __future__ import annotations

import base64
import json
from typing import Any

from freespan.browsers import Page
from tests.wordpress.installation import WordPress

SECONDS = 60.0
"""Every wait for a page; generous, because nothing here is timed."""
SETTINGS = "/wp-admin/options-general.php?page=freespan-switch"
_SHADOW = "document.querySelector('freespan-switch')?.shadowRoot"
_STATE = "document.querySelector('freespan-switch').getAttribute('state')"


async def install(page: Page, site: WordPress) -> None:
    """Run WordPress's own installer; then there is an administrator, `admin`."""
    await page.navigate(f"{site.url}/wp-admin/install.php?step=1")
    password = json.dumps(site.password)
    await page.evaluate(f"""(() => {{
        const values = {{weblog_title: "The Daily Example", user_name: "admin", admin_email: "admin@example.org",
            admin_password: {password}, admin_password2: {password}}};
        for (const [name, value] of Object.entries(values)) document.querySelector(`[name=${{name}}]`).value = value;
        document.querySelector("[name=pw_weak]").checked = true;
        HTMLFormElement.prototype.submit.call(document.querySelector("#setup"));
    }})()""")
    await page.wait_for("document.querySelector('.install-success') !== null", SECONDS)
    site.skip_welcome()


async def log_in(page: Page, site: WordPress, name: str = "admin") -> None:
    """Log in, by the form, whoever was logged in before."""
    await page.navigate(f"{site.url}/wp-login.php")
    # In one go: a little later the form's own script empties the password's field to put the cursor there.
    await page.evaluate(f"""(() => {{
        window.isOldPage = true;
        document.querySelector("#user_login").value = {json.dumps(name)};
        document.querySelector("#user_pass").value = {json.dumps(site.password)};
        HTMLFormElement.prototype.submit.call(document.querySelector("#loginform"));
    }})()""")
    await _new_page(page)
    assert "/wp-admin/" in await page.evaluate("location.pathname")


async def fill(page: Page, **values: str) -> None:
    """Give the fields with these ids these values; a `_` in a name may stand for a hyphen."""
    for name, value in values.items():
        await page.evaluate(f"""(() => {{
            const [id, value] = {json.dumps([name, value])};
            const field = document.getElementById(id) ?? document.getElementById(id.replaceAll("_", "-"));
            field.value = value;
            field.dispatchEvent(new Event("change", {{bubbles: true}}));
        }})()""")


async def submit(page: Page, button: str) -> None:
    """Click a button that leads to another page, and wait for that page."""
    await page.evaluate("window.isOldPage = true")
    await page.click(button)
    await _new_page(page)


async def _new_page(page: Page) -> None:
    await page.wait_for("!window.isOldPage && document.readyState === 'complete'", SECONDS)


async def save_settings(page: Page, site: WordPress, **values: str) -> str:
    """Change settings of the plugin on its page; what WordPress says to it."""
    await page.navigate(site.url + SETTINGS)
    await fill(page, **{f"freespan_switch_{name}": value for name, value in values.items()})
    await submit(page, "#submit")
    said = await page.evaluate(
        "[...document.querySelectorAll('.settings-error')].map((it) => it.innerText.trim()).join('\\n')"
    )
    return str(said)


async def rest(page: Page, site: WordPress, route: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask WordPress's REST API as whoever is logged in; the answer."""
    answer = await page.evaluate(f"""(async () => {{
        const nonce = await (await fetch("{site.url}/wp-admin/admin-ajax.php?action=rest-nonce")).text();
        const headers = {{"Content-Type": "application/json", "X-WP-Nonce": nonce}};
        const body = JSON.stringify({json.dumps(body)});
        return (await fetch("{site.url}/?rest_route={route}", {{method: "POST", headers, body}})).json();
    }})()""")
    assert isinstance(answer, dict)
    return answer


async def choose_file(page: Page, field: str, name: str, content: bytes) -> None:
    """Put a file into a file field, as if somebody had chosen it."""
    await page.evaluate(f"""(async () => {{
        const bytes = Uint8Array.from(atob({json.dumps(base64.b64encode(content).decode())}), (it) => it.charCodeAt(0));
        const files = new DataTransfer();
        files.items.add(new File([bytes], {json.dumps(name)}, {{type: "application/zip"}}));
        const field = document.querySelector({json.dumps(field)});
        field.files = files.files;
        field.dispatchEvent(new Event("change", {{bubbles: true}}));
    }})()""")


async def type_text(page: Page, text: str) -> None:
    """Into whatever has the focus."""
    for character in text:
        await page.press("Space" if character == " " else character)


async def switches(page: Page) -> list[dict[str, str]]:
    """The attributes of all switches of the page, as it came from the server."""
    found = await page.evaluate("""(async () => {
        const text = await (await fetch(location.href)).text();
        const document = new DOMParser().parseFromString(text, "text/html");
        return [...document.querySelectorAll("freespan-switch")].map((it) =>
            Object.fromEntries([...it.attributes].map(({name, value}) => [name, value])));
    })()""")
    assert isinstance(found, list)
    return found


async def html(page: Page) -> str:
    """The page as it came from the server."""
    return str(await page.evaluate("fetch(location.href).then((it) => it.text())"))


async def turn_on(page: Page) -> None:
    """Turn the page's first switch on, by its consent where it asks for that."""
    await page.wait_for(f"{_SHADOW} && {_STATE} === 'off'", SECONDS)
    yes = f"[...{_SHADOW}.querySelectorAll('button[data-action=turn-on]')].find((it) => it.getClientRects().length > 0)"
    if not await page.evaluate(f"Boolean({yes})"):
        await page.evaluate(f"{_SHADOW}.querySelector('button[role=switch]').click()")
    if await page.wait_for(f"{yes} ? 'asked' : {_STATE} !== 'off' && 'on'", SECONDS) == "asked":
        await page.evaluate(f"{yes}.click()")
    await page.wait_for(f"{_STATE} === 'waiting'", SECONDS)
