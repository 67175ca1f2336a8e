"""The pages of docs/protocol name every message and every field, and no other.

A heading with the name of a message, and below it a table of its fields, is compared with the struct in
`wire/messages.py`, or with the scripts of the pages in the browser. JSON examples are decoded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from freespan.wire import admission, bond_frames, denial, hello, limits, messages
from freespan.wire.errors import MessageError
from freespan.wire.invite import TOKEN_SIZE
from freespan.wire.network import Network

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "protocol"
STATIC = ROOT / "src" / "freespan" / "web" / "static"

WITHOUT_A_TAG: dict[str, type[msgspec.Struct]] = {
    "Answer": messages.RendezvousAnswer,
    "Problem": messages.Problem,
    "TURN credentials": messages.TurnCredentials,
    "ICE server": messages.IceServer,
    "Countries": messages.Countries,
    "`network` object": Network,
}
"""The headings of messages that have no `type`."""
DECODERS: dict[str, Callable[[bytes], Any]] = {
    "Answer": messages.decode_rendezvous_answer,
    "Problem": messages.decode_problem,
    "TURN credentials": messages.decode_turn_credentials,
    "Countries": lambda text: msgspec.json.decode(text, type=messages.Countries),
    "`network` object": lambda text: msgspec.json.decode(text, type=Network),
}


@dataclass(frozen=True)
class Section:
    """A part of a page: its heading, without the `#`, and its text up to the next heading."""

    page: str
    heading: str
    text: str

    @property
    def fields(self) -> list[str]:
        """The first column of the table of fields, empty without such a table."""
        rows = re.search(r"^\| field \|.*\n\|[-|]+\|\n((?:\|.*\n?)+)", self.text, re.MULTILINE)
        return re.findall(r"^\| `(\w+)`", rows[1], re.MULTILINE) if rows else []

    @property
    def examples(self) -> list[str]:
        return re.findall(r"^```json\n(.*?)^```", self.text, re.MULTILINE | re.DOTALL)


def sections(page: Path) -> Iterator[Section]:
    parts = re.split(r"^#+ +(.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for heading, text in zip(parts[1::2], parts[2::2], strict=True):
        yield Section(page.name, heading, text)


SECTIONS = [section for page in sorted(PAGES.glob("*.md")) for section in sections(page)]
IN_PAGE = [section for section in SECTIONS if section.page == "in-page.md" and section.heading.startswith("`")]
OF_MESSAGES = [
    section
    for section in SECTIONS
    if section.page != "in-page.md" and (section.heading in WITHOUT_A_TAG or re.fullmatch(r"`\w+`", section.heading))
]


def structs() -> list[type[msgspec.Struct]]:
    found = [one for one in vars(messages).values() if isinstance(one, type) and issubclass(one, msgspec.Struct)]
    return [one for one in found if one is not msgspec.Struct and not one.__name__.startswith("_")]


def struct_of(section: Section) -> type[msgspec.Struct]:
    tagged = {f"`{one.__struct_config__.tag}`": one for one in structs() if one.__struct_config__.tag}
    return (tagged | WITHOUT_A_TAG)[section.heading]


def decode(section: Section, text: bytes) -> Any:
    if section.heading in DECODERS:
        return DECODERS[section.heading](text)
    decoders = [
        messages.decode_to_broker,
        messages.decode_to_bridge,
        messages.decode_asked,
        messages.decode_lane_offer,
        messages.decode_lane_reply,
    ]
    for each in decoders:
        try:
            return each(text)
        except MessageError as error:
            if error.field != "type":
                raise
    raise AssertionError(f"no decoder knows {text!r}")


# --- the messages in JSON ------------------------------------------------------------------------
def test_every_message_has_a_section() -> None:
    assert {struct_of(section) for section in OF_MESSAGES} == set(structs())
    assert len(OF_MESSAGES) == len(structs())


@pytest.mark.parametrize("section", OF_MESSAGES, ids=lambda section: section.heading)
def test_every_field_of_a_message_is_described(section: Section) -> None:
    struct = struct_of(section)
    assert section.fields == list(struct.__struct_fields__)


@pytest.mark.parametrize("section", OF_MESSAGES, ids=lambda section: section.heading)
def test_optional_fields_are_called_optional(section: Section) -> None:
    required = {field.name for field in msgspec.structs.fields(struct_of(section)) if field.required}
    optional = set(re.findall(r"^\| `(\w+)` \|[^|]*\boptional\b", section.text, re.MULTILINE))
    assert optional == set(section.fields) - required


@pytest.mark.parametrize("section", OF_MESSAGES, ids=lambda section: section.heading)
def test_examples_are_messages_with_every_field(section: Section) -> None:
    if section.heading == "ICE server":
        return  # examples of these are inside others
    named: set[str] = set()
    for example in section.examples:
        assert type(decode(section, example.encode())) is struct_of(section)
        named |= set(json.loads(example))
    assert named - {"type"} | ({"type"} & set(section.fields)) == set(section.fields)


def test_every_problem_of_the_broker_is_listed() -> None:
    (problem,) = [section for section in SECTIONS if section.heading == "Problem"]
    listed = set(re.findall(r"^\| \d+ \| `(\w+)`", problem.text, re.MULTILINE))
    sources = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "src/freespan/broker").glob("*.py"))
    written = set(re.findall(r'ProblemError\(\s*\d+, "(\w+)"', sources))
    assert listed == written | {"version", "bad_request"} | set(admission.ADMISSION_CODES)


# --- the messages between pages in a browser -----------------------------------------------------
_COMMENT = re.compile(r"^\s*//[^\n]*$|/\*.*?\*/", re.MULTILINE | re.DOTALL)


def scripts() -> list[str]:
    """The scripts that exchange in-page messages, without their comments."""
    texts = [file.read_text(encoding="utf-8") for file in sorted(STATIC.rglob("*.js"))]
    found = [_COMMENT.sub("", text) for text in texts if "postMessage({ freespan: 1, " in text]
    assert len(found) == 6, "three pages, and for each of them the script that embeds it"
    return found


_SENT = re.compile(
    r"""(?:\b(?:notify|tell|post|postMessage)\(|\#latest\ =\ )  # a call that sends, or what is sent later
        \{\s*(?:freespan:\ 1,\ )?type:\ "(\w+)"                 # the type
        ((?:[^{}]|\{[^{}]*\})*)\}                               # the fields""",
    re.VERBOSE,
)


def sent() -> Iterator[tuple[str, str]]:
    """Type and fields of each message that is written out in a script."""
    for text in scripts():
        yield from _SENT.findall(text)


def received() -> set[str]:
    """Types that a script compares with, or names in a pattern."""
    found: set[str] = set()
    for text in scripts():
        found.update(re.findall(r'data\.type [!=]== "(\w+)"', text))
        for alternatives in re.findall(r"/\^\(([\w|]+)\)\$/\.test\(data\.type\)", text):
            found.update(alternatives.split("|"))
    return found


def test_every_in_page_message_has_a_section() -> None:
    described = {section.heading.strip("`") for section in IN_PAGE}
    assert {kind for kind, _ in sent()} == described
    assert received() <= described


def test_every_field_of_an_in_page_message_is_described() -> None:
    described = {section.heading.strip("`"): set(section.fields) for section in IN_PAGE}
    for kind, rest in sent():
        plain = re.sub(r"\.\.\.[\w.#]+", "", rest)
        names = set(re.findall(r"(?:^|,)\s*(\w+)\s*(?=:|,|$)", plain.strip()))
        assert names <= described[kind], kind
        if "..." not in rest:
            assert names == described[kind], kind


# --- numbers -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("page", "number"),
    [
        ("rendezvous.md", limits.RENDEZVOUS_BODY_MAX),
        *(("rendezvous.md", step) for step in limits.RENDEZVOUS_STEPS),
        ("rendezvous.md", limits.SDP_MAX),
        ("rendezvous.md", limits.SDP_LINES_MAX),
        ("signalling.md", limits.SDP_LINES_MAX),
        ("signalling.md", limits.SIGNAL_MESSAGE_MAX),
        ("signalling.md", limits.BRIDGE_CAPACITY_MAX),
        ("pipe.md", limits.MESSAGE_MAX),
        ("lanes.md", limits.SIGNAL_MESSAGE_MAX),
        ("lanes.md", limits.LANES_MAX),
        ("bond.md", limits.DATAGRAM_SIZE),
        ("bond.md", limits.BOND_LINKS_MAX),
        ("tunnel.md", limits.DATAGRAM_SIZE),
        ("tunnel.md", limits.STREAMS_MAX),
    ],
)
def test_bounds_are_those_of_the_code(page: str, number: int) -> None:
    assert re.search(rf"\b{number:,}\b", (PAGES / page).read_text(encoding="utf-8"))


# --- the bond ------------------------------------------------------------------------------------
def kinds(heading: str) -> dict[str, int]:
    """Names and numbers in the first column of a table of bond.md."""
    (section,) = [section for section in SECTIONS if (section.page, section.heading) == ("bond.md", heading)]
    return {name: int(number, 16) for number, name in re.findall(r"^\| `(0x\w+)` (\w+)", section.text, re.MULTILINE)}


def test_kinds_of_messages_and_frames_are_those_of_the_code() -> None:
    messages_of_bonds, frames = kinds("Messages"), kinds("Frames")
    assert messages_of_bonds == {name: getattr(bond_frames, name) for name in messages_of_bonds}
    assert frames == {name: getattr(bond_frames, f"_{name}") for name in frames}
    assert sorted(messages_of_bonds.values()) == sorted(frames.values()) == [1, 2, 3, 4, 5]


def test_names_and_numbers_of_the_bond_are_those_of_the_code() -> None:
    text = (PAGES / "bond.md").read_text(encoding="utf-8")
    assert f"`GET {bond_frames.KEY_PATH}`" in text
    assert f"at most {bond_frames.CLOSED_MAX}" in text
    assert f"The version is {bond_frames.VERSION}." in text
    reasons = dict(re.findall(r"^\| (\d) \| (16 bytes|a sealed denial|none) \|", text, re.MULTILINE))
    assert reasons == {
        str(bond_frames.UNKNOWN_SESSION): f"{bond_frames.PROOF_SIZE} bytes",
        str(bond_frames.SESSION_ENDED): f"{bond_frames.PROOF_SIZE} bytes",
        str(bond_frames.NO_SESSION): "a sealed denial",
        str(bond_frames.NOT_OPENED): "none",
    }
    assert f"sealed (length, at most {bond_frames.SEALED_MAX})" in text
    assert f"length (1, at most {bond_frames.FAREWELL_MAX})" in text


def test_the_codes_of_denials_are_those_of_the_code() -> None:
    (section,) = [one for one in SECTIONS if (one.page, one.heading) == ("bond.md", "Who is admitted")]
    codes = re.findall(r"^\| `([a-z_]+)` \|", section.text, re.MULTILINE)
    assert codes == [denial.HOST_FULL, *admission.ADMISSION_CODES]
    assert f"{denial.DENIAL_SIZE} bytes in all" in section.text
    shown = f"token ({TOKEN_SIZE}) and a fresh key for the answer ({hello.REPLY_KEY_SIZE})"
    assert shown in section.text.replace("\n", " ")
    assert f"`freespan {hello.HELLO_PURPOSE.decode()}`, a zero byte" in section.text
