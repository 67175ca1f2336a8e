import base64
import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire.errors import InviteError
from freespan.wire.invite import (
    FRONTS_MAX,
    PREFIX,
    STUN_MAX,
    STUN_URLS_MAX,
    TOKEN_SIZE,
    Invite,
    check_broker_url,
    check_stun_urls,
    format_invite,
    parse_invite,
)
from tests.support.attempts import attempt

KEY = hashlib.sha256(b"an egress").digest()
SEALING_KEY = hashlib.sha256(b"a public key").digest()
TOKEN = bytes(range(TOKEN_SIZE))
KEYS = (KEY, SEALING_KEY, TOKEN)
GOOD = Invite("https://host.example", *KEYS)
TEXT = format_invite(GOOD)

hosts = st.from_regex(r"[a-z][a-z0-9]{0,20}(\.[a-z]{2,8}){0,3}", fullmatch=True)
urls = st.builds(
    lambda scheme, host, port, path: f"{scheme}://{host}{port}{path}",
    st.sampled_from(["http", "https"]),
    hosts,
    st.just("") | st.integers(1, 65_535).map(lambda port: f":{port}"),
    st.sampled_from(["", "/freespan", "/a/b"]),
)
stun_urls = st.builds(
    lambda host, port: f"stun:{host}:{port}",
    hosts | st.sampled_from(["192.0.2.1", "[2001:db8::1]"]),
    st.integers(1, 65_535),
)
groups = st.lists(stun_urls, min_size=1, max_size=STUN_URLS_MAX).map(tuple)
invites = st.builds(
    Invite,
    urls,
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32).map(lambda raw: hashlib.sha256(raw).digest()),  # no point of small order
    st.binary(min_size=TOKEN_SIZE, max_size=TOKEN_SIZE),
    st.lists(urls, max_size=FRONTS_MAX).map(tuple),
    st.lists(groups, max_size=STUN_MAX).map(tuple),
)


def sealed(payload: object) -> str:
    """An invite whose check is right, whatever it holds."""
    raw = msgspec.msgpack.encode(payload)
    return PREFIX + base64.urlsafe_b64encode(raw + hashlib.sha256(raw).digest()[:4]).decode().rstrip("=")


@given(invites)
def test_round_trip(invite: Invite) -> None:
    assert parse_invite(format_invite(invite)) == invite


@given(invites, st.data())
def test_white_space_anywhere_is_ignored(invite: Invite, data: st.DataObject) -> None:
    text = format_invite(invite)
    for _ in range(3):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.sampled_from([" ", "\n", "\r\n  ", "\t", "\u00a0", "\u2003"])) + text[at:]
    assert parse_invite(text) == invite


@given(invites, st.data())
def test_a_cut_invite_is_refused(invite: Invite, data: st.DataObject) -> None:
    text = format_invite(invite)
    start = data.draw(st.integers(0, len(text) - 1))
    stop = data.draw(st.integers(start, len(text)))
    if (start, stop) != (0, len(text)):
        with pytest.raises(InviteError):
            parse_invite(text[start:stop])


@given(invites, st.data())
def test_one_changed_character_is_refused(invite: Invite, data: st.DataObject) -> None:
    text = format_invite(invite)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda character: character != text[at]))
    with pytest.raises(InviteError):
        parse_invite(text[:at] + other + text[at + 1 :])


@pytest.mark.parametrize("url", ["http://a.example", "http://ab.example", "http://abc.example"])
def test_no_other_character_stands_in_for_any_of_an_invite(url: str) -> None:
    """Also where base64 has unused bits, and where its two alphabets differ."""
    text = format_invite(Invite(url, *KEYS))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=."
    for at in range(len(PREFIX), len(text)):
        for other in alphabet.replace(text[at], ""):
            with pytest.raises(InviteError):
                parse_invite(text[:at] + other + text[at + 1 :])
    for tail in ("=", "==", "A", "AAAA", "."):
        with pytest.raises(InviteError):
            parse_invite(text + tail)


@pytest.mark.parametrize("version", ["0", "1", "01"])
def test_an_earlier_version_says_that_a_new_invite_helps(version: str) -> None:
    with pytest.raises(InviteError, match="ask whoever gave it to you for a new one"):
        parse_invite(f"freespan{version}_{TEXT.removeprefix(PREFIX)}")


@pytest.mark.parametrize("version", ["3", "9", "12", "9999", "02"])
def test_a_later_version_says_that_an_update_helps(version: str) -> None:
    with pytest.raises(InviteError, match="update"):
        parse_invite(f"freespan{version}_whatever")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "not an invite"),
        ("https://host.example", "not an invite"),
        ("freespan_abc", "not an invite"),
        (PREFIX, "cut off or mistyped"),
        (PREFIX + "A", "cut off or mistyped"),
        (PREFIX + "AAAA", "cut off or mistyped"),
        (PREFIX + "äöü", "cut off or mistyped"),
        (PREFIX + "A" * 3_000, "too long"),
        (sealed({"broker": "http://h", "egress_key": KEY, "sealing_key": SEALING_KEY, "token": TOKEN}), "damaged"),
        (sealed(["http://h"]), "damaged"),
        (sealed(["http://h", KEY]), "damaged"),  # the form of an earlier version
        (sealed(["http://h", KEY, ["http://f"], [["stun:s:1"]]]), "damaged"),
        (sealed(["http://h", KEY, SEALING_KEY]), "damaged"),
        (sealed([1, *KEYS]), "damaged"),
        (sealed(["http://h", "text", SEALING_KEY, TOKEN]), "damaged"),
        (sealed(["http://h", KEY, "text", TOKEN]), "damaged"),
        (sealed(["http://h", KEY, SEALING_KEY, "text"]), "damaged"),
        (sealed(["http://h", KEY[:31], SEALING_KEY, TOKEN]), "one of its keys"),
        (sealed(["http://h", KEY + b"x", SEALING_KEY, TOKEN]), "one of its keys"),
        (sealed(["http://h", KEY, SEALING_KEY[:31], TOKEN]), "one of its keys"),
        (sealed(["http://h", KEY, SEALING_KEY + b"x", TOKEN]), "one of its keys"),
        (sealed(["http://h", KEY, bytes(32), TOKEN]), "nothing can be sealed to its key"),
        (sealed(["http://h", KEY, bytes(31) + b"\x80", TOKEN]), "nothing can be sealed to its key"),
        (sealed(["http://h", KEY, SEALING_KEY, TOKEN[:23]]), "its token"),
        (sealed(["http://h", KEY, SEALING_KEY, TOKEN + b"x"]), "its token"),
        (sealed(["http://h", KEY, SEALING_KEY, b""]), "its token"),
        (sealed(["ftp://h", *KEYS]), "broker address"),
        (sealed(["http://h", *KEYS, "http://f"]), "damaged"),
        (sealed(["http://h", *KEYS, [1]]), "damaged"),
        (sealed(["http://h", *KEYS, ["http://f"] * (FRONTS_MAX + 1)]), "too many addresses"),
        (sealed(["http://h", *KEYS, ["ftp://f"]]), "broker address"),
        (sealed(["http://h", *KEYS, [], ["stun:s:1"]]), "damaged"),
        (sealed(["http://h", *KEYS, [], [["stun:s:1"]] * (STUN_MAX + 1)]), "too many addresses"),
        (sealed(["http://h", *KEYS, [], [[]]]), "STUN server"),
        (sealed(["http://h", *KEYS, [], [["stun:s:1"] * (STUN_URLS_MAX + 1)]]), "STUN server"),
        (sealed(["http://h", *KEYS, [], [["turn:s:1"]]]), "STUN server"),
    ],
)
def test_the_error_names_what_is_wrong(text: str, expected: str) -> None:
    with pytest.raises(InviteError, match=expected):
        parse_invite(text)


@given(invites)
def test_every_address_of_the_host(invite: Invite) -> None:
    assert invite.endpoints == (invite.broker, *invite.fronts)


@pytest.mark.parametrize(
    ("payload", "invite"),
    [
        (["http://h", *KEYS], Invite("http://h", *KEYS)),
        (["http://h", *KEYS, ["http://f/"]], Invite("http://h", *KEYS, ("http://f",))),
        (["http://h/", *KEYS, [], [["stun:s:1"]], "of later"], Invite("http://h", *KEYS, (), (("stun:s:1",),))),
    ],
)
def test_what_may_be_left_out_and_what_may_follow(payload: object, invite: Invite) -> None:
    assert parse_invite(sealed(payload)) == invite


@pytest.mark.parametrize(
    "url",
    [
        "",
        "stun:",
        "stun:h",
        "stun:h:",
        "stun:h:0",
        "stun:h:x",
        "stun:h:123456",
        "stuns:h:1",
        "stun://h:1",
        "stun:::1:1",
        "stun:[::1:1",
        "stun:[h]:1",
        "stun:h:1?transport=udp",
        "stun:h:1\n",
        " stun:h:1",
        "stun:h/:1",
        "STUN:h:1",
    ],
)
def test_bad_stun_urls(url: str) -> None:
    with pytest.raises(InviteError, match="STUN server"):
        check_stun_urls(["stun:good.example:1", url])


@given(
    st.text()
    | st.text().map(lambda text: PREFIX + text)
    | st.binary(max_size=200).map(lambda raw: sealed([raw, *KEYS]))
)
def test_any_text_is_an_invite_or_an_invite_error(text: str) -> None:
    assert "\n" not in str(attempt(lambda: parse_invite(text), InviteError))


@given(
    st.recursive(st.none() | st.integers(-5, 5) | st.text(max_size=5) | st.binary(max_size=40), st.lists, max_leaves=5)
)
def test_any_contents_with_a_right_check_are_an_invite_or_an_invite_error(payload: object) -> None:
    assert isinstance(attempt(lambda: parse_invite(sealed(payload)), InviteError), Invite | InviteError)


def test_what_is_nested_too_deep_is_an_invite_error() -> None:
    """A later version may add elements, which are skipped, whatever is in them."""
    contents = msgspec.msgpack.encode(["http://h", *KEYS, [], [], None])
    deep = contents.removesuffix(b"\xc0") + b"\x91" * 1_400 + b"\xc0"
    assert isinstance(attempt(lambda: parse_invite(sealed(msgspec.Raw(deep))), InviteError), Invite | InviteError)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://host.example", "http://host.example"),
        ("https://host.example/", "https://host.example"),
        ("https://host.example:8443/under/", "https://host.example:8443/under"),
        ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
        ("http://[::1]:8787", "http://[::1]:8787"),
        ("HTTPS://http.example/P/", "https://http.example/P"),  # ws URLs are made of it
    ],
)
def test_good_broker_urls(url: str, kept: str) -> None:
    assert check_broker_url(url) == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host.example",
        "//host.example",
        "ftp://host.example",
        "javascript:alert(1)",
        "http://",
        "http:///path",
        "http://:80",
        "http://[::1",
        "http://[nonsense]",
        "http://host.example:0",
        "http://host.example:65536",
        "http://host.example:x",
        "http://user@host.example",
        "http://user:secret@host.example",
        "http://@host.example",
        "https://host.example?x=1",
        "https://host.example#x",
        "https://host.example/" + "x" * 1_024,
        "http://host.example\n",
        "http://host\t.example",
        " http://host.example",
        "http://host.example/\x00",
        "http://host example",
        "http://host.example\\@other.example",
    ],
)
def test_bad_broker_urls(url: str) -> None:
    with pytest.raises(InviteError, match="broker address"):
        check_broker_url(url)


def test_the_text_is_that_of_the_protocol() -> None:
    text = TEXT.removeprefix("freespan2_")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    payload, check = raw[:-4], raw[-4:]
    assert msgspec.msgpack.decode(payload) == ["https://host.example", KEY, SEALING_KEY, TOKEN, [], []]
    assert hashlib.sha256(payload).digest()[:4] == check
