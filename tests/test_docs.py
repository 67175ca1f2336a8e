"""The pages of docs/ and those beside the code, such as README.md: every link leads somewhere, and every line fits.

`make docs` lets Sphinx check most of this again. These tests need nothing but the files, and so run with all others.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from freespan.client.status import ASLEEP, RESTARTED, WITHOUT_BRIDGE, WRONG_KEY
from freespan.wire.causes import CODES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
WIDTH = 100

FIGURES = {
    "README.md": [
        "| through Chromium; through Firefox | {chromium_mb_s:.1f} MB/s; {firefox_mb_s:.1f} MB/s |",
        "| through the headless bridge | {headless_mb_s:.1f} MB/s |",
        "| from asking for a bridge to the first byte, on loopback; with Chromium"
        " | {connect_first_byte_ms:.0f} ms; {connect_first_byte_chromium_ms:.0f} ms |",
        "| a small page in an open session | {warm_first_byte_ms:.1f} ms |",
        "| the switch before anybody clicks, gzip; what a click adds"
        " | {switch_gzip_kb:.1f} KB; {bridge_gzip_kb:.1f} KB |",
    ],
    "docs/measurements.md": [
        "| Chromium bridge, MB/s (15) | {chromium_mb_s:.1f} | {chromium_raw_mb_s:.1f} |",
        "| Firefox bridge, MB/s (15) | {firefox_mb_s:.1f} | {firefox_raw_mb_s:.1f} |",
        "| headless bridge, MB/s (15) | {headless_mb_s:.1f} | {headless_raw_mb_s:.1f} |",
        "| from asking for a bridge to the first byte, headless (20) | {connect_first_byte_ms:.0f} ms:",
        "| the same, Chromium (20) | {connect_first_byte_chromium_ms:.0f} ms:",
        "| start of the client until it asks (10) | {client_start_s:.2f} s |",
        "| small page in an open session (100) | {warm_first_byte_ms:.1f} ms |",
        "client + bridge + egress | {cpu_client:.2f} + {cpu_bridge:.2f} + {cpu_egress:.2f} = {cpu_all:.1f} |",
        "client, bridge, egress | {rss_client:.0f}, {rss_bridge:.0f}, {rss_egress:.0f} MB |",
        "the globe | {switch_gzip_bytes:,}; {bridge_gzip_bytes:,}; {globe_gzip_bytes:,} bytes |",
        "to one of them (3) | {bond_4x2_ratio:.1f} |",
        "to their sum (3) | {bond_mixed_ratio:.2f} |",
        "| median {kill_pause_median_s:.2f} s, worst {kill_pause_worst_s:.2f} s, no byte wrong |",
        "| {replacement_pause_s:.2f} s; a link takes {link_setup_s:.2f} s |",
        *(
            f"| {way} | {{page_{way}_0:.2f}} | {{page_{way}_50:.2f}} | {{page_{way}_150:.2f}} |"
            for way in ("HTTP", "SOCKS5", "tinyproxy", "privoxy")
        ),
    ],
}
"""Parts of tables, as bench/results.json has them."""

_FENCE = re.compile(r"^ *(```+|~~~+)", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} +(.*?) *#*$", re.MULTILINE)
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(([^()\s]*)\)")
_HTML_LINK = re.compile(r"""<(?:a|img)\b[^>]*\b(?:href|src)="([^"]*)\"""")
_CODE_SPAN = re.compile(r"`[^`\n]+`")
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.MULTILINE | re.DOTALL)

_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)+\.(?:py|js|json|sh|html|css|toml|md|svg|yml)")
PLACES = [
    "",
    "src/freespan",
    "src/freespan/web",
    "src/freespan/web/static",
    "src/freespan/web/static/languages",
    "extension",
]
"""Where a path in a page may begin."""
MADE = ("dist/", "languages/CODE", "about/CODE", "extension/languages/CODE")
"""Files that a clone does not have: what make builds, and names with a part to fill in."""

OLD_WORDS = re.compile(
    r"\b(roads?|doors?|keepers?|judges?|lookers?|relays?|envelopes?|stalls?|himself)\b", re.IGNORECASE
)
"""Words that the glossary has replaced."""


def pages() -> list[Path]:
    return sorted(DOCS.rglob("*.md"))


def texts() -> list[Path]:
    """Everything that people read first, the pages of the site included."""
    return [*pages(), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"))]


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def prose(text: str) -> list[str]:
    """The lines of a page; those inside code fences are left empty, so that numbers of lines stay right."""
    lines, fence = [], ""
    for line in text.splitlines():
        found = _FENCE.match(line)
        if found and not fence:
            fence = found[1]
            lines.append("")
        elif fence:
            if line.strip() == fence:
                fence = ""
            lines.append("")
        else:
            lines.append(line)
    return lines


def headings(text: str) -> list[str]:
    return [match[1] for match in _HEADING.finditer("\n".join(prose(text)))]


def anchors(text: str) -> set[str]:
    """The anchors that GitHub and MyST give the headings of a page."""
    found: set[str] = set()
    for heading in headings(text):
        words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number, unique = 0, slug
        while unique in found:
            number += 1
            unique = f"{slug}-{number}"
        found.add(unique)
    return found


def links(text: str) -> Iterator[str]:
    without_code = _CODE.sub("", "\n".join(prose(text)))
    for pattern in (_LINK, _HTML_LINK):
        for match in pattern.finditer(without_code):
            yield match[1]


def complaint(file: Path, link: str) -> str | None:
    """What is wrong with one link, or None. Other sites are never asked: their addresses must have the right form."""
    parts = urlsplit(link)
    if parts.scheme:
        fine = parts.scheme in {"https", "mailto"} and (parts.scheme == "mailto" or "." in (parts.hostname or ""))
        return None if fine else f"{link}: not a web address"
    target = file.parent / unquote(parts.path) if parts.path else file
    if not target.exists():
        return f"{link}: no such file"
    if DOCS in file.parents and target.is_dir():
        return f"{link}: a folder, which the site cannot show; name it without a link"
    if DOCS in file.parents and target.suffix == ".md" and DOCS not in target.resolve().parents:
        return f"{link}: not a page of the site; name it without a link"
    if parts.fragment and target.suffix == ".md" and parts.fragment not in anchors(target.read_text(encoding="utf-8")):
        return f"{link}: no such heading"
    return None


def too_long(text: str) -> list[int]:
    """Lines of prose that are too wide and could be wrapped; tables and single long words cannot."""
    found = []
    for number, line in enumerate(prose(text), start=1):
        words = _LINK.sub(lambda link: link[0].replace(" ", "_"), line).split()
        while words and re.fullmatch(r"[-*>]|\d+\.", words[0]):
            words.pop(0)
        if len(line) > WIDTH and len(words) > 1 and not line.lstrip().startswith(("|", "#", "<", "![", "[!")):
            found.append(number)
    return found


def toctree() -> set[str]:
    """Every page that some `toctree` of the site names."""
    named: set[str] = set()
    for page in pages():
        for block in re.findall(
            r"^```\{toctree\}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        ):
            for entry in block.splitlines():
                if entry.strip() and not entry.startswith(":"):
                    target = (page.parent / f"{entry.strip()}.md").resolve()
                    named.add(target.relative_to(DOCS).as_posix())
    return named


def test_every_page_is_in_the_table_of_contents() -> None:
    assert {page.relative_to(DOCS).as_posix() for page in pages()} == toctree() | {"index.md"}


@pytest.mark.parametrize("file", texts(), ids=name_of)
def test_every_link_leads_somewhere(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert [found for link in links(text) if (found := complaint(file, link))] == []


@pytest.mark.parametrize("file", texts(), ids=name_of)
def test_prose_is_wrapped(file: Path) -> None:
    lines = too_long(file.read_text(encoding="utf-8"))
    assert lines == []


def figures() -> dict[str, float]:
    """What bench/results.json says, with the units that tables use."""
    results = json.loads((ROOT / "bench" / "results.json").read_text(encoding="utf-8"))
    known: dict[str, float] = {name: value for name, value in results.items() if isinstance(value, int | float)}
    known |= {f"{name.removesuffix('_s')}_ms": 1000 * value for name, value in known.items() if name.endswith("_s")}
    known |= {f"{name.removesuffix('_bytes')}_kb": value / 1000 for name, value in known.items() if "_bytes" in name}
    known |= {f"cpu_{part}": seconds for part, seconds in results["cpu_s_per_100mb"].items()}
    known |= {f"rss_{part}": megabytes for part, megabytes in results["idle_rss_mb"].items()}
    for way, name in {"HTTP": "http", "SOCKS5": "socks", "tinyproxy": "tinyproxy", "privoxy": "privoxy"}.items():
        ratios = results[f"page_200_{name}_ratio"]
        known |= {f"page_{way}_{distance.removesuffix(' ms')}": ratio for distance, ratio in ratios.items()}
    return known | {"cpu_all": sum(results["cpu_s_per_100mb"].values())}


@pytest.mark.parametrize("file", texts(), ids=name_of)
def test_every_file_that_is_named_exists(file: Path) -> None:
    named = {code.strip("`") for code in _CODE_SPAN.findall("\n".join(prose(file.read_text(encoding="utf-8"))))}
    paths = {name for name in named if _PATH.fullmatch(name) and not name.startswith(MADE)}
    assert [name for name in sorted(paths) if not any((ROOT / place / name).exists() for place in PLACES)] == []


@pytest.mark.parametrize("file", texts(), ids=name_of)
def test_the_glossary_is_obeyed(file: Path) -> None:
    text = _CODE_SPAN.sub("", "\n".join(prose(file.read_text(encoding="utf-8"))))
    assert OLD_WORDS.findall(text) == [] or name_of(file) in {"docs/glossary.md"}


@pytest.mark.parametrize("page", sorted(FIGURES))
def test_figures_are_those_that_were_measured(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [row for form in FIGURES[page] if (row := form.format(**figures())) not in text] == []


def test_the_table_of_the_lab_is_what_was_measured() -> None:
    rows = {
        f"| `{row['scenario']}` | {row['direct']} | {row['freespan']} | {row['transport']}"
        f" | {row['first_byte_s']:.2f} s | {row['mb_s']:.2f} |"
        for row in json.loads((ROOT / "lab" / "results.json").read_text(encoding="utf-8"))
    }
    table = re.findall(
        r"^(\| `[\w-]+` )\|[^|]*(\|.* s \| [\d.]+ \|)$", (DOCS / "lab.md").read_text("utf-8"), re.MULTILINE
    )
    assert {name + rest for name, rest in table} == rows


def test_what_it_says_lists_all_causes() -> None:
    """The table of the FAQ has each code that a status can have."""
    text = (DOCS / "faq.md").read_text(encoding="utf-8").partition("## What it says")[2]
    codes = {code for row in re.findall(r"^\|([^|]*)\|", text, re.MULTILINE) for code in re.findall(r"`(\w+)`", row)}
    assert CODES | WITHOUT_BRIDGE | {ASLEEP, RESTARTED, WRONG_KEY} <= codes | {"cause"}


@pytest.mark.parametrize("file", pages(), ids=name_of)
def test_a_page_has_one_title(file: Path) -> None:
    titles = [line for line in prose(file.read_text(encoding="utf-8")) if line.startswith("# ")]
    assert len(titles) == 1


@pytest.mark.parametrize("file", sorted((DOCS / "start").glob("*.md")), ids=name_of)
def test_a_quick_start_fits_on_one_screen(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 45


@pytest.mark.parametrize("file", sorted((DOCS / "decisions").glob("[0-9]*.md")), ids=name_of)
def test_a_decision_has_its_three_parts(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.startswith(f"# {file.name[:4]}: ")
    assert headings(text)[1:] == ["Context", "Choice", "Cost"]
    assert f"({file.name})" in (DOCS / "decisions" / "index.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("hosting.md", None),
        ("hosting.md#options", None),
        ("hosting.md#opinions", "no such heading"),
        ("nowhere.md", "no such file"),
        ("images", "a folder"),
        ("../README.md", "not a page of the site"),
        ("https://example.org/a#b", None),
        ("http://example.org/", "not a web address"),
        ("https://nowhere/", "not a web address"),
    ],
)
def test_a_bad_link_is_noticed(link: str, said: str | None) -> None:
    found = complaint(DOCS / "index.md", link)
    assert found is None if said is None else found is not None and said in found


def test_code_is_neither_wrapped_nor_searched_for_links() -> None:
    text = f"# Title\n\n```sh\n{'long ' * 40}\n# no heading\n[text](nowhere.md)\n```\n\nSee `[a](b)` and [c](d.md).\n"
    assert too_long(text) == []
    assert list(links(text)) == ["d.md"]
    assert headings(text) == ["Title"]


def test_long_lines_are_noticed() -> None:
    address = "https://example.org/" + "x" * 100
    assert too_long(f"{'word ' * 21}\n- {address}\n| {'cell ' * 30} |\n- {'word ' * 21}\n") == [1, 4]


def test_anchors_are_those_of_a_forge() -> None:
    text = "# The `link`: 2 ends?\n## What it [costs](a.md)\n## Twice\n## Twice\n"
    assert anchors(text) == {"the-link-2-ends", "what-it-costs", "twice", "twice-1"}
