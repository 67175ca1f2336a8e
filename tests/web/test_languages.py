"""The texts of the switch: every file has all of them, and each page gets the right file."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import pytest

import freespan.web
from freespan.browsers import Browser, Page
from tests.web.fakes import FakeHost, FakeSite

FOLDER = Path(freespan.web.__file__).parent / "static" / "languages"
MODULE = FOLDER.parent / "element" / "language.js"
LANGUAGES = sorted(path.stem for path in FOLDER.glob("*.json"))
RIGHT_TO_LEFT = {"ar", "fa", "ug", "ur"}
KINDS = ("", "about/")

PILL = {
    "title",
    "off",
    "connecting",
    "waiting",
    "helped",
    "helping",
    "offline",
    "unsupported",
    "elsewhere",
    "blocked",
} | {f"paused_{why}" for why in ("hours", "limit", "battery", "metered")}
PILL_CHARACTERS = 46
"""About 290 pixels of Latin letters: the pill of 384 without its button and margins."""

TERMS = re.compile(r"\b(WebRTC|IP|UDP|STUN|NAT|HTTPS)\b", re.ASCII)
SAME_AS_ENGLISH = {"kilobits"}
"""Texts that another language may leave as they are: units."""


def read(kind: str, language: str) -> dict[str, Any]:
    file: dict[str, Any] = json.loads((FOLDER / f"{kind}{language}.json").read_text("utf-8"))
    return file


def forms(text: str | dict[str, str]) -> list[str]:
    return [text] if isinstance(text, str) else [*text.values()]


def width(text: str) -> int:
    """In Latin letters: marks over and under others have none, and Chinese characters two."""
    shown = (c for c in text if unicodedata.category(c) not in {"Mn", "Mc", "Me", "Cf"})
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in shown)


each_file = pytest.mark.parametrize(
    ("kind", "language"), [(kind, language) for kind in KINDS for language in LANGUAGES], ids="".join
)


def test_the_module_lists_the_files() -> None:
    listed = re.search(r'LANGUAGES = "([^"]+)"', MODULE.read_text("utf-8"))
    assert listed
    assert sorted(listed[1].split()) == LANGUAGES == sorted(path.stem for path in (FOLDER / "about").glob("*.json"))


@each_file
def test_a_file_names_its_language(kind: str, language: str) -> None:
    file = read(kind, language)
    assert [*file] == ["language", "name", "direction", "checked_by_native_speaker", "texts"]
    assert file["language"] == language
    assert file["name"] == read("", language)["name"]
    assert file["direction"] == ("rtl" if language in RIGHT_TO_LEFT else "ltr")
    assert isinstance(file["checked_by_native_speaker"], bool)


@each_file
def test_a_file_has_every_text(kind: str, language: str) -> None:
    texts, english = read(kind, language)["texts"], read(kind, "en")["texts"]
    assert [*texts] == [*english]
    for key, original in english.items():
        assert isinstance(texts[key], type(original)), key
        for text in forms(texts[key]):
            assert text == text.strip() != "", key
            assert text not in forms(original) or language == "en" or key in SAME_AS_ENGLISH, key
            assert not re.search(r"[<>&\\\n]", text), key


@each_file
def test_placeholders_and_technical_terms_are_kept(kind: str, language: str) -> None:
    texts = read(kind, language)["texts"]
    for key, original in read(kind, "en")["texts"].items():
        wanted = forms(original)[-1]
        for text in forms(texts[key]):
            assert sorted(re.findall(r"{.*?}", text)) == sorted(re.findall(r"{.*?}", wanted)), key
            assert text.count("{") == text.count("}") == wanted.count("{"), key
            assert {*TERMS.findall(text)} == {*TERMS.findall(wanted)}, key


@each_file
def test_texts_are_about_as_long_as_in_english(kind: str, language: str) -> None:
    texts = read(kind, language)["texts"]
    for key, original in read(kind, "en")["texts"].items():
        english = max(map(width, forms(original)))
        for text in forms(texts[key]):
            assert width(text) <= 1.5 * english + 16, key
            assert english < 100 or width(text) >= english / 2, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_of_the_pill_fit_it(language: str) -> None:
    texts = read("", language)["texts"]
    assert texts.keys() >= PILL
    for key in PILL:
        for text in forms(texts[key]):
            assert width(text.replace("{n}", "12").replace("{time}", "22:00")) <= PILL_CHARACTERS, key


def test_plural_forms_are_those_of_the_language() -> None:
    if not (node := shutil.which("node")):
        pytest.skip("needs Node.js")
    script = """const answers = {};
        for (const language of process.argv.slice(1)) {
            if (!Intl.PluralRules.supportedLocalesOf(language).length) continue;
            answers[language] = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
        }
        console.log(JSON.stringify(answers));"""
    run = subprocess.run([node, "-e", script, "--", *LANGUAGES], capture_output=True, text=True, timeout=30, check=True)
    known: dict[str, list[str]] = json.loads(run.stdout)
    assert known.keys() >= {"en", "ar", "ru"}
    for language, categories in known.items():
        counted = [text for text in read("", language)["texts"].values() if isinstance(text, dict)]
        assert counted
        assert all(sorted(text) == sorted(categories) for text in counted), language


async def run_js(page: Page, host: FakeHost, body: str) -> Any:
    """What a function returns that has all of language.js in `module`."""
    return await page.evaluate(
        f"""await (async () => {{ const module = await import("{host.url}/element/language.js");
        const english = await import("{host.url}/element/built-in-english.js"); {body} }})()"""
    )


CHOICES = [
    (["de-CH"], "de", "de-CH"),
    (["zh"], "zh-Hans", "zh"),
    (["zh-CN"], "zh-Hans", "zh-CN"),
    (["zh-TW"], "zh-Hant", "zh-TW"),
    (["zh-HK"], "zh-Hant", "zh-HK"),
    (["zh-Hant-CN"], "zh-Hant", "zh-Hant-CN"),
    (["zh_SG"], "zh-Hans", "zh-SG"),
    (["FA-ir"], "fa", "fa-IR"),
    (["ar-EG-u-nu-latn"], "ar", "ar-EG-u-nu-latn"),
    (["pt-PT"], "pt", "pt-PT"),
    (["in"], "id", "id"),
    (["sw", "tr"], "tr", "tr"),
    (["", "not a language", "x-klingon", "und", "ru"], "ru", "ru"),
    (["sw", "haw"], "en", "en"),
    ([], "en", "en"),
]


@pytest.mark.asyncio(loop_scope="session")
async def test_the_first_available_language_is_chosen(page: Page, host: FakeHost) -> None:
    wishes = json.dumps([wish for wish, _, _ in CHOICES])
    chosen = await run_js(page, host, f"return {wishes}.map((wish) => module.pick(wish));")
    assert chosen == [{"language": language, "locale": locale} for _, language, locale in CHOICES]


@pytest.mark.asyncio(loop_scope="session")
async def test_the_page_around_the_switch_comes_before_the_browser(page: Page, host: FakeHost) -> None:
    wishes = await run_js(
        page,
        host,
        """const article = document.createElement("article");
        article.lang = "uk";
        const inner = article.appendChild(document.createElement("div")).attachShadow({ mode: "closed" });
        const hidden = inner.appendChild(document.createElement("p"));
        document.body.append(article);
        const loose = document.createElement("p");
        const first = (element) => module.languagesFor(element)[0];
        const own = Object.assign(document.createElement("p"), { lang: "bo" });
        article.append(own);
        const rest = module.languagesFor(own).slice(1);
        return [first(own), first(hidden), first(document.body), first(loose),
            JSON.stringify(rest) === JSON.stringify(navigator.languages)];""",
    )
    assert wishes == ["bo", "uk", "en", "", True]


@pytest.mark.asyncio(loop_scope="session")
async def test_every_language_has_its_plural_forms(page: Page, host: FakeHost) -> None:
    found = await run_js(
        page,
        host,
        """const found = {};
        for (const language of module.LANGUAGES) {
            const file = await module.load(language);
            const strings = new module.Strings(file);
            const counts = [0, 1, 2, 3, 5, 11, 21, 100, 1000000];
            found[language] = {
                is: [strings.language, strings.direction], title: strings.get("title"),
                counts: counts.map((n) =>
                    [n, strings.number(n), strings.get("helped", { n }), strings.get("helping", { n })]),
            };
        }
        return found;""",
    )
    assert sorted(found) == LANGUAGES
    for language, answer in found.items():
        file = read("", language)
        assert answer["is"] == [language, file["direction"]]
        assert answer["title"] == file["texts"]["title"]
        for _, number, *sentences in answer["counts"]:
            assert all(number in sentence and "{" not in sentence for sentence in sentences), language
    russian = {n: sentence for n, _, sentence, _ in found["ru"]["counts"]}
    assert [russian[n].split()[-1] for n in (1, 2, 5, 11, 21)] == ["читателю", *["читателям"] * 3, "читателю"]
    assert {n: number for n, number, *_ in found["fa"]["counts"]}[21] == "۲۱"


@pytest.mark.asyncio(loop_scope="session")
async def test_texts_with_missing_keys_and_values(page: Page, host: FakeHost) -> None:
    found = await run_js(
        page,
        host,
        """const file = { language: "de", direction: "ltr", texts: { off: "Aus", helping: { other: "{n} da" } } };
        const strings = new module.Strings(file, "de", { off: "Eigenes" });
        return [strings.get("off"), strings.get("title"), strings.get("helping", { n: 1 }), strings.get("no such text"),
            new module.Strings({ ...file, texts: { a: "{x} {y}" } }).get("a", { x: "<b>" })];""",
    )
    assert found == ["Eigenes", "", "1 da", "", "<b> {y}"]


def built_in(texts: dict[str, Any]) -> bool:
    english = read("", "en")["texts"]
    return bool(texts) and all(english[key] == text for key, text in texts.items())


@pytest.mark.asyncio(loop_scope="session")
async def test_the_built_in_english_is_that_of_the_file(page: Page, host: FakeHost) -> None:
    texts = await run_js(page, host, "return english.BUILT_IN.texts;")
    assert built_in(texts)
    decide = {"title", "off", "turn_on", "consent_does", "consent_does_not", "consent_risk"}
    assert texts.keys() >= decide


@pytest.mark.asyncio(loop_scope="session")
async def test_without_its_file_the_switch_speaks_english(page: Page, host: FakeHost) -> None:
    """No such file, no JSON, another language's, no texts, and none in time."""
    answers = await run_js(
        page,
        host,
        """const answers = [await module.load("xx")], real = window.fetch;
        for (const text of ["<html>", "null", '{"language": "fr", "texts": {}}', '{"language": "de"}']) {
            window.fetch = async () => new Response(text);
            answers.push(await module.load("de"));
        }
        window.fetch = real;
        let patience = 0;
        AbortSignal.timeout = (milliseconds) => (patience = milliseconds, AbortSignal.abort());
        answers.push(await module.load("de"));
        return [answers.map((file) => file === english.BUILT_IN), patience];""",
    )
    assert answers == [[True] * 6, 3000]


@pytest.mark.asyncio(loop_scope="session")
async def test_where_the_policy_of_a_page_forbids_the_file_the_switch_speaks_english(
    browser: Browser, host: FakeHost, site: FakeSite
) -> None:
    site.headers = {"Content-Security-Policy": "connect-src 'none'"}
    page = await browser.open(site.url)
    try:
        assert await run_js(page, host, 'return (await module.load("de")) === english.BUILT_IN;')
    finally:
        await page.close()
