"""The WordPress plugin in Debian's WordPress: what owners, authors and visitors of a site do with it."""

from __future__ import annotations

import json
import re
import shutil
from typing import Any

import pytest

from freespan.browsers import Browser, Page
from scripts.wordpress_zip import ROOT
from tests.wordpress import pages
from tests.wordpress.installation import WordPress

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOST = "https://bridge.example.org/garden-7Fq2/"
"""Nobody: for tests that load nothing from it."""
BAD_HOSTS = {
    "http://bridge.example.org/": "scheme",
    "http://127.0.0.1.example.org/": "scheme",
    "http://10.0.0.1/": "scheme",
    "javascript:alert(1)": "form",
    "freespan2_lqabc": "invite",
    "https://bridge.example.org/join#freespan2_lqabc": "invite",
    "https://a.example/x https://b.example/y": "several",
    "https://bridge.example.org/garden\u20137Fq2": "damaged",
    "https://name:word@bridge.example.org/": "form",
    "https://bridge.example.org/../": "form",
    "https://": "form",
    f"https://bridge.example.org/{'x' * 1000}": "form",
}
GOOD_HOSTS = {
    "bridge.example.org": "https://bridge.example.org/",
    "https://bridge.example.org/?a=b": "https://bridge.example.org/",
    "https://bridge.example.org/#a": "https://bridge.example.org/",
    'https://bridge.example.org/"><script>alert(1)</script>': "https://bridge.example.org/",
    "https://\u043c\u043e\u0441\u0442.example/garden": "https://xn--l1aeje.example/garden/",
    "\u0622\u062f\u0631\u0633: [\u2066HTTPS://bridge.example.org/g/embed\u2069](https://bridge.example.org/g/).": (
        "https://bridge.example.org/g/"
    ),
    "https://bridge.example.org": "https://bridge.example.org/",
    " https://Bridge.example.org:8443/Garden ": "https://bridge.example.org:8443/Garden/",
    "https://bridge.example.org/g/switch.js": "https://bridge.example.org/g/",
    '<script type="module" src="https://a.example/g/switch.js"></script><freespan-switch></freespan-switch>': (
        "https://a.example/g/"
    ),
    "http://[::1]:8787/x": "http://[::1]:8787/x/",
    "http://localhost:8787": "http://localhost:8787/",
}
EVIL = '" onmouseover="alert(1)"><img src=x onerror=alert(1)><script>alert(1)</script>'


async def test_wordpress_installs_its_zip(installed: WordPress, page: Page) -> None:
    installed.remove_plugin()
    await pages.log_in(page, installed)
    await page.navigate(f"{installed.url}/wp-admin/plugin-install.php?tab=upload")
    await pages.choose_file(page, "#pluginzip", "freespan-switch.zip", installed.zip.read_bytes())
    await pages.submit(page, "#install-plugin-submit")
    assert "Plugin installed successfully" in await page.evaluate("document.body.innerText")
    await pages.submit(page, ".update-from-upload-actions .button-primary, a.button-primary")
    assert "Plugin activated" in await page.evaluate("document.body.innerText")
    link = "tr[data-plugin='freespan-switch/freespan-switch.php'] .row-actions a[href*='page=freespan-switch']"
    await pages.submit(page, link)
    assert "freespan switch" in await page.evaluate("document.querySelector('h1').innerText")
    assert (installed.files / "wp-content/plugins/freespan-switch/LICENSE").exists()


async def test_settings_are_kept(wordpress: WordPress, page: Page) -> None:
    await pages.log_in(page, wordpress)
    values = {
        "host": HOST,
        "everywhere": "banner",
        "layout": "card",
        "lang": "fr",
        "hours": "22:00-06:00",
        "capacity": "8",
    }
    assert "Settings saved." in await pages.save_settings(page, wordpress, **values, goodbye="yes")
    assert wordpress.option.items() >= (values | {"goodbye": "yes", "theme": "auto", "label": ""}).items()
    shown = {name: f"document.getElementById('freespan-switch-{name}').value" for name in values}
    assert {name: await page.evaluate(look) for name, look in shown.items()} == values


async def test_a_bad_host_is_refused_and_the_page_says_why(wordpress: WordPress, page: Page) -> None:
    wordpress.set(host=HOST)
    await pages.log_in(page, wordpress)
    assert "begin with https://" in await pages.save_settings(page, wordpress, host="http://bridge.example.org/")
    assert wordpress.option["host"] == HOST
    assert await page.evaluate("document.getElementById('freespan-switch-host').value") == HOST


async def test_all_forms_of_a_host(wordpress: WordPress) -> None:
    def checked(hosts: Any) -> Any:
        return wordpress.call("FreespanSwitch\\checked_host", list(hosts))

    assert checked(GOOD_HOSTS) == list(GOOD_HOSTS.values())
    assert [list(answer["errors"]) for answer in checked(BAD_HOSTS)] == [[code] for code in BAD_HOSTS.values()]


async def test_its_list_of_attributes_is_that_of_the_element(wordpress: WordPress) -> None:
    element = (ROOT / "src/freespan/web/static/element/attributes.js").read_text("utf-8")
    (names,) = re.findall(r"ATTRIBUTES = \[(.*?)\];", element, re.DOTALL)
    lists = {
        name: json.loads(value.replace("_", "")) for name, value in re.findall(r'"?([a-z-]+)"?: (\[.*\]),', element)
    }
    rules = wordpress.php("return FreespanSwitch\\attributes();")
    assert rules.keys() == lists.keys() | set(re.findall('"([a-z]+)"', names)) - {"host"}
    numbers = {name: [rule["default"], rule["min"], rule["max"]] for name, rule in rules.items() if "min" in rule}
    choices = {name: list(rule["choices"]) for name, rule in rules.items() if "choices" in rule and "bare" not in rule}
    assert numbers | choices == lists


async def test_bad_values_of_other_settings_are_refused_too(wordpress: WordPress, page: Page) -> None:
    wordpress.set(host=HOST, hours="22:00-06:00")
    await pages.log_in(page, wordpress)
    await page.navigate(wordpress.url + pages.SETTINGS)
    await page.evaluate("document.querySelector('#freespan-switch-theme').append(new Option('x', 'x', true, true))")
    await pages.fill(page, freespan_switch_hours="25:00-26:00")
    await pages.submit(page, "#submit")
    said = await page.evaluate("document.body.innerText")
    assert "Hours: this value is not valid." in said
    assert "Theme: this value is not valid." in said
    assert (wordpress.option["hours"], wordpress.option["theme"]) == ("22:00-06:00", "")


@pytest.mark.parametrize(
    ("hours", "accepted"),
    [("08:00-08:01", "08:00-08:01"), ("08:00-18:00", "08:00-18:00"), ("08:00-08:00", None), ("00:00-24:00", None)],
)
async def test_hours_are_a_span(wordpress: WordPress, hours: str, accepted: str | None) -> None:
    rule = "FreespanSwitch\\attributes()['hours']"
    assert wordpress.php(f"return FreespanSwitch\\accepted({rule}, '{hours}');") == accepted


async def test_settings_take_an_administrator_and_a_nonce(wordpress: WordPress, page: Page) -> None:
    wordpress.set(host=HOST)
    send = """fetch("/wp-admin/options.php", {method: "POST", body: new URLSearchParams({option_page: "freespan_switch",
        action: "update", "freespan_switch[host]": "https://elsewhere.example/"})}).then((it) => it.status)"""
    for name in ("admin", "author"):
        await pages.log_in(page, wordpress, name)
        assert await page.evaluate(send) == 403
    await page.navigate(wordpress.url + pages.SETTINGS)
    assert "not allowed" in await page.evaluate("document.body.innerText")
    assert wordpress.option["host"] == HOST


async def test_without_a_host_there_is_no_switch_and_no_script(wordpress: WordPress, page: Page) -> None:
    wordpress.set(everywhere="banner")
    await page.navigate(wordpress.post("before [freespan] <!-- wp:freespan/switch /--> after"))
    text = await pages.html(page)
    assert "before" in text
    assert "after" in text
    assert "<freespan-switch" not in text
    assert "switch.js" not in text
    assert "wp-block-freespan" not in text


async def test_a_page_without_a_switch_loads_no_script(wordpress: WordPress, page: Page) -> None:
    wordpress.set(host=HOST)
    await page.navigate(wordpress.post("Just words about a freespan."))
    text = await pages.html(page)
    assert "switch.js" not in text
    assert "bridge.example.org" not in text


PLACES = {
    "shortcode": "Before [freespan] after",
    "block": "<!-- wp:paragraph --><p>Before</p><!-- /wp:paragraph --><!-- wp:freespan/switch /-->",
}


@pytest.mark.parametrize("content", PLACES.values(), ids=PLACES.keys())
async def test_a_visitor_turns_it_on(wordpress: WordPress, browser: Browser, host: str, content: str) -> None:
    wordpress.set(host=f"{host}/")
    page = await browser.open(wordpress.post(content))
    try:
        scripts = await page.evaluate(
            "[...document.scripts].filter((it) => it.src.endsWith('/switch.js')).map((it) => [it.src, it.type])"
        )
        assert scripts == [[f"{host}/switch.js", "module"]]
        await pages.turn_on(page)
    finally:
        await page.evaluate("localStorage.clear()")
        await page.close()


async def test_a_theme_that_prints_its_head_before_its_posts(wordpress: WordPress, page: Page) -> None:
    wordpress.set(host=HOST)
    url = wordpress.post("[freespan layout=card]")
    theme = wordpress.files / "wp-content/themes/classic"
    theme.mkdir()
    (theme / "style.css").write_text("/* Theme Name: Classic */")
    (theme / "index.php").write_text(
        "<!doctype html><html><head><?php wp_head(); ?></head><body>"
        "<?php while (have_posts()) { the_post(); the_content(); } wp_footer(); ?></body></html>"
    )
    try:
        wordpress.php("switch_theme('classic'); return true;")
        await page.navigate(url)
        assert await pages.switches(page) == [{"layout": "card"}]
        html = await pages.html(page)
        assert f'src="{HOST}switch.js"' in html
        assert html.index('data-cfasync="false"') < html.index(f'src="{HOST}switch.js"')  # as Rocket Loader wants it
    finally:
        wordpress.php("switch_theme('twentytwentythree'); return true;")
        shutil.rmtree(theme)


async def test_a_switch_on_every_page_but_where_one_is_already(wordpress: WordPress, page: Page) -> None:
    wordpress.set(host=HOST, everywhere="floating", theme="dark")
    await page.navigate(wordpress.url)
    assert await pages.switches(page) == [{"layout": "floating", "theme": "dark"}]
    assert (await pages.html(page)).count("switch.js") == 1
    await page.navigate(wordpress.post("[freespan layout=card]"))
    assert await pages.switches(page) == [{"layout": "card", "theme": "dark"}]


SHORTCODES: dict[str, dict[str, str]] = {
    "[freespan]": {"layout": "card", "capacity": "8", "goodbye": ""},
    "[freespan layout=inline capacity=4 goodbye=no]": {},
    "[freespan layout=banner globe remember=no run-when-hidden=no]": (
        {"layout": "banner", "globe": "", "remember": "no", "run-when-hidden": "no", "capacity": "8", "goodbye": ""}
    ),
    "[freespan size=large theme=page lang=zh-Hant kilobits=0500 hours=22:00-06:00 goodbye=no capacity=64]": (
        {"layout": "card", "size": "large", "theme": "page", "lang": "zh-Hant", "kilobits": "500"}
        | {"hours": "22:00-06:00", "capacity": "64"}
    ),
    "[freespan megabytes-a-day=100 megabytes-a-month=2000 label='Für Leser & <b>Leserinnen</b>' goodbye=no]": (
        {"layout": "card", "megabytes-a-day": "100", "megabytes-a-month": "2000", "capacity": "8"}
        | {"label": "Für Leser & Leserinnen"}
    ),
    "[freespan goodbye=no capacity=65 theme=pink hours=9-17 lang=e_n size kilobits=-1 host=https://a.example/]": {
        "layout": "card",
        "capacity": "8",
    },
}


async def test_attributes_of_a_switch_override_the_settings(wordpress: WordPress, page: Page) -> None:
    wordpress.set(host=HOST, layout="card", capacity="8", goodbye="yes")
    await page.navigate(wordpress.post("\n\n".join(SHORTCODES)))
    assert await pages.switches(page) == list(SHORTCODES.values())


async def test_authors_are_told_what_was_left_out(wordpress: WordPress, page: Page) -> None:
    wordpress.set(host=HOST)
    url = wordpress.post("[freespan theme=pink sise=large]")
    await pages.log_in(page, wordpress, "author")
    await page.navigate(url)
    assert "no such attribute or value: theme, sise." in await page.evaluate("document.body.innerText")


ATTACKS = {
    "shortcode": f"[freespan label='{EVIL}' lang='{EVIL}' layout='{EVIL}' onclick='alert(1)' style='color:red' {EVIL}]",
    "block": "<!-- wp:freespan/switch "
    + json.dumps({"label": EVIL, "lang": EVIL, "className": EVIL, "onclick": "alert(1)", "style": "color:red"})
    .replace("<", "\\u003c")
    .replace(">", "\\u003e")
    + " /-->",
}


@pytest.mark.parametrize("content", ATTACKS.values(), ids=ATTACKS.keys())
async def test_an_author_cannot_inject_markup(wordpress: WordPress, page: Page, content: str) -> None:
    wordpress.set(host=HOST)
    await pages.log_in(page, wordpress, "author")
    post = await pages.rest(page, wordpress, "/wp/v2/posts", {"title": "x", "content": content, "status": "publish"})
    await page.navigate(post["link"])  # the author's own view: with the words about what was left out
    looks = "document.querySelectorAll('img[onerror], [onclick], freespan-switch *, freespan-switch[style]').length"
    assert await page.evaluate(looks) == 0
    assert await page.evaluate("[...document.scripts].filter((it) => it.text.includes('alert(1)')).length") == 0
    (attributes,) = await pages.switches(page)
    assert attributes.keys() <= {"label"}
    assert "<" not in attributes.get("label", "")


async def test_stored_values_are_checked_again(wordpress: WordPress, page: Page) -> None:
    wordpress.set(host=HOST, layout=EVIL, lang=EVIL, everywhere=EVIL, label=EVIL)
    await page.navigate(wordpress.post("[freespan]"))
    (attributes,) = await pages.switches(page)
    assert attributes.keys() <= {"label"}
    wordpress.set(host=f"https://bridge.example.org/{EVIL}", everywhere="banner")
    await page.navigate(wordpress.url)
    assert "freespan-switch" not in await pages.html(page)


async def test_a_feed_has_no_switch(wordpress: WordPress, page: Page) -> None:
    wordpress.set(host=HOST)
    wordpress.post("[freespan label=feed]<!-- wp:freespan/switch /-->", title="For the feed")
    await page.navigate(wordpress.url)
    feed = await page.evaluate("fetch('/?feed=rss2').then((it) => it.text())")
    assert "For the feed" in feed
    assert "freespan-switch" not in feed


async def test_the_block_says_that_a_host_is_missing(wordpress: WordPress, page: Page) -> None:
    await pages.log_in(page, wordpress)
    await page.navigate(f"{wordpress.url}/wp-admin/post-new.php")
    await insert_block(page)
    assert "the plugin has no host" in await editor_text(page)
    # what is not saved holds the page back
    await page.evaluate("wp.data.dispatch('core/editor').savePost()")


async def test_the_block_in_the_editor(wordpress: WordPress, page: Page, host: str) -> None:
    wordpress.set(host=f"{host}/", theme="dark")
    await pages.log_in(page, wordpress)
    await page.navigate(f"{wordpress.url}/wp-admin/post-new.php")
    await insert_block(page)
    text = await editor_text(page)
    assert "the plugin has no host" not in text
    assert "Dark" in text
    await choose(page, "Layout", "card")
    await page.wait_for("document.querySelector('.wp-block-freespan-switch').innerText.includes('Card')")
    link = await publish(page)
    loaded: list[str] = await page.evaluate("performance.getEntriesByType('resource').map((it) => it.name)")
    assert not [url for url in loaded if url.startswith(host)]

    await page.navigate(link)
    assert await pages.switches(page) == [{"layout": "card", "theme": "dark"}]
    await pages.turn_on(page)


async def insert_block(page: Page) -> None:
    """As a person does: by the inserter, by name."""
    await page.wait_for(
        "window.wp?.data?.select('core/edit-post') && document.querySelector('.wp-block-post-title') !== null", 30
    )
    toggle = ".edit-post-header-toolbar__inserter-toggle"
    await page.wait_for(f"document.querySelector('{toggle}:not([disabled])') !== null", pages.SECONDS)
    await page.click(toggle)
    search = ".block-editor-inserter__search input"
    await page.wait_for(f"document.querySelector('{search}') !== null", pages.SECONDS)
    await page.evaluate(f"document.querySelector('{search}').focus()")
    await pages.type_text(page, "freespan")
    item = ".editor-block-list-item-freespan-switch"
    await page.wait_for("document.querySelectorAll('.block-editor-block-types-list__item').length === 1", pages.SECONDS)
    await page.click(item)
    await page.wait_for("wp.data.select('core/block-editor').getBlocks().some((it) => it.name === 'freespan/switch')")
    await page.click(toggle)


async def editor_text(page: Page) -> str:
    """What stands in the block."""
    return str(await page.wait_for("document.querySelector('.wp-block-freespan-switch')?.innerText"))


async def choose(page: Page, label: str, value: str) -> None:
    """Choose in the block's sidebar."""
    await page.click(".freespan-switch-picture")
    await page.evaluate("wp.data.dispatch('core/edit-post').openGeneralSidebar('edit-post/block')")
    await page.wait_for(
        f"""(() => {{
        const label = [...document.querySelectorAll(".block-editor-block-inspector label")]
            .find((it) => it.innerText.toLowerCase() === {json.dumps(label.lower())});
        const field = label && document.getElementById(label.htmlFor);
        if (!field) return false;
        field.value = {json.dumps(value)};
        field.dispatchEvent(new Event("change", {{bubbles: true}}));
        return true;
    }})()""",
        pages.SECONDS,
    )


async def publish(page: Page) -> str:
    """Publish what is in the editor; its URL."""
    await page.click(".editor-post-publish-panel__toggle")
    button = ".editor-post-publish-panel .editor-post-publish-button"
    await page.wait_for(f"document.querySelector('{button}:not([aria-disabled=true])') !== null", pages.SECONDS)
    # The panel slides in, and a click at where the button was would miss it.
    slides = "it.playState === 'running' && it.effect.getComputedTiming().endTime < Infinity"
    await page.wait_for(f"!document.getAnimations().some((it) => {slides})", pages.SECONDS)
    await page.click(button)
    await page.wait_for("wp.data.select('core/editor').isCurrentPostPublished()", pages.SECONDS)
    return str(await page.evaluate("wp.data.select('core/editor').getPermalink()"))


async def test_the_privacy_guide_has_a_paragraph(wordpress: WordPress, page: Page) -> None:
    wordpress.set(host=HOST)
    await pages.log_in(page, wordpress)
    await page.navigate(f"{wordpress.url}/wp-admin/options-privacy.php?tab=policyguide")
    text = await page.evaluate("document.body.textContent")
    assert "the browser loads files from bridge.example.org, which sees the visitor's IP address" in text


async def test_nothing_stays_when_it_is_deleted(wordpress: WordPress) -> None:
    wordpress.set(host=HOST)
    select = "SELECT option_name FROM $wpdb->options WHERE option_name LIKE '%freespan%'"
    look = f'global $wpdb; return $wpdb->get_col("{select}");'
    assert wordpress.php(look) == ["freespan_switch"]
    deleted: Any = wordpress.php(f"""
        deactivate_plugins('{WordPress.PLUGIN}');
        return delete_plugins(['{WordPress.PLUGIN}']);""")
    assert deleted is True
    assert wordpress.php(look) == []
    assert not (wordpress.files / "wp-content/plugins/freespan-switch").exists()
