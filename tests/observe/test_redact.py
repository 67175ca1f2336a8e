"""What `redact` takes out, and what it must leave."""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import sys
import time
from pathlib import Path
from urllib.parse import quote

import aiohttp.client_exceptions
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.provisional import domains, get_top_level_domains

from freespan.observe import redact as module
from freespan.observe.hidden import hiding, hiding_urls
from freespan.observe.redact import redact
from freespan.wire.invite import format_invite
from tests.support.invites import invite_to

BLANK = "[redacted]"
INVITE = format_invite(invite_to("https://host.example", hashlib.sha256(b"key").digest()))

invites = st.binary(min_size=32, max_size=32).map(lambda key: format_invite(invite_to("https://host.example", key)))
# An address of one group alone identifies nobody, and "::" is the address of no one.
v6 = st.ip_addresses(v=6).filter(lambda address: int(address) >> 32).map(str)
v6_in_full = st.ip_addresses(v=6).map(lambda address: address.exploded)
v4 = st.ip_addresses(v=4).map(str)
v4_in_v6 = st.ip_addresses(v=4).map(lambda address: f"::ffff:{address}")
names = domains().filter(lambda name: len(name) > 4)
paths = st.from_regex(r"/[a-z0-9/._~-]{0,20}", fullmatch=True)
urls = st.builds(
    lambda scheme, host, path: f"{scheme}://{host}{path}", st.sampled_from(["http", "https", "wss"]), names, paths
)
secrets = st.one_of(invites, v6, v6_in_full, v4, v4_in_v6, names, urls)
around = st.sampled_from(
    [
        "",
        " ",
        "\n",
        "'",
        '"',
        "(",
        ")",
        ", ",
        ": ",
        "; ",
        "=",
        "<",
        ">",
        "[",
        "]",
        "{",
        "}",
        ". ",
        "!",
        "?",
        "/",
        "|",
        "\\",
    ]
)
words = st.lists(st.from_regex(r"[A-Za-z]{1,12}", fullmatch=True), max_size=8).map(" ".join)


@settings(max_examples=300)
@given(secrets, around, around, words, words)
@example("example.org", " ", ".", "cannot resolve", "")
@example("example.org", "", "", "", "")
@example("2001:db8::1", "(", ")", "", "")
@example("192.0.2.1:443", "to ", "", "", "")
@example("una.py", " ", " ", "", "")
@example("a_b.example.org", " ", " ", "", "")
@example("bücher.example", " ", " ", "", "")
@example("example.xn--p1ai", " ", " ", "", "")
@example("1:2:3:4:5:6:7::", " ", " ", "", "")
@example("::2:3:4:5:6:7:8", " ", " ", "", "")
@example("fe80::1%eth0", " ", " ", "", "")
def test_secrets_never_survive(secret: str, left: str, right: str, before: str, after: str) -> None:
    text = f"{before}{left}{secret}{right}{after}"
    if before and not left:
        text = f"{before} {secret}{right}{after}"
    if not right and after:
        text = text.removesuffix(after) + f" {after}"
    assert secret not in redact(text)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"invite {INVITE}.", f"invite {BLANK}."),
        ("freespan2_abc-DEF", BLANK),
        ("connect to 192.0.2.1:443 failed", f"connect to {BLANK} failed"),
        ("peer ('192.0.2.1', 443)", f"peer ('{BLANK}', 443)"),
        ("peer [2001:db8::1]:443", f"peer [{BLANK}]:443"),
        ("GET http://user:word@example.org/path?q HTTP/1.1", f"GET {BLANK} HTTP/1.1"),
        (
            "Cannot connect to host example.org:443 ssl:default [None]",
            f"Cannot connect to host {BLANK}:443 ssl:default [None]",
        ),
        ("no answer from mail.example.co.uk.", f"no answer from {BLANK}."),
        ("connect to example.org now", f"connect to {BLANK} now"),
    ],
)
def test_what_is_around_a_secret_stays(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@given(words)
@example("the session timed out or broke")
def test_ordinary_words_survive(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        '  File "/usr/lib/python3.11/asyncio/base_events.py", line 653, in run_until_complete',
        '  File "/opt/freespan/link/base.py", line 12, in <module>',
        '  File "C:\\Python311\\Lib\\asyncio\\events.py", line 84, in _run',
        "    self._owner.on_message(message)",
        "    await asyncio.wait_for(self.queue.get(), 5)",
        "asyncio.exceptions.CancelledError",
        "aiohttp.client_exceptions.ClientConnectorError: it failed",
        "ssl.SSLError: it failed",
        "freespan.wire.errors.StreamError: the site refused the connection",
        "Python 3.11.7, 16,384 bytes in 0.25 s at 12.5 MB/s; 100 % done",
        "e.g. this, i.e. that",
        "a: b, c: d",
    ],
)
def test_what_helps_to_find_a_fault_survives(text: str) -> None:
    assert redact(text) == text


# --- names without a dot, by where they stand --------------------------------------------------------

NAMES = ["printserver", "print-server", "nas7", "münchen", "xn--mnchen-3ya", "b_42", "localhost", "INTRANET"]
PLACES = [
    "Cannot connect to host {}:443 ssl:default [Name or service not known]",
    "{}:8080: connection refused",
    "peer ('{}', 443)",
    "bound to ('{}', 443, 0, 0)",
    '["{}", 443]',
    "server_hostname='{}'",
    "host={} port=443",
    "{{'host': '{}', 'port': 443}}",
    '{{"host": "{}"}}',
    "certificate is not valid for '{}'.",
    "Hostname mismatch: '{}' doesn't match '{}'",
    "host '{}' is down",
    "no route to {}",
    "cannot resolve {}: no such name",
    "connection to {} lost",
    "Host: {}",
    "(b':authority', b'{}:443')",
    "CONNECT {}:443 HTTP/1.1",
    "turn:{}:3478?transport=udp",
    "//{}/path",
    "ssh: connect to host {} port 22: refused",
    "curl: (6) Could not resolve host: {}",
    "\\\\{}\\share",
    "reader@{}",
    "reader:word@{}:8080",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", NAMES)
def test_a_name_without_a_dot_is_known_by_where_it_stands(name: str, place: str) -> None:
    redacted = redact(place.format(name, name))
    assert name not in redacted
    assert BLANK in redacted


@pytest.mark.parametrize("name", ["localhost", "localhost6", "ip6-loopback", "intranet", "WPAD", "xn--mnchen-3ya"])
@pytest.mark.parametrize("place", ["{}", "the {} is away", "({})", "{}.", "«{}»"])
def test_some_names_are_known_anywhere(name: str, place: str) -> None:
    assert redact(place.format(name)) == place.format(BLANK)


# --- names with dots ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["self.site.org", "self.a.example", "cls.site.org", "self.SITE.ORG", "self.b.co.uk"])
@pytest.mark.parametrize("place", ["{}(", "    {}(x)", "cannot reach {}(443)", "{}", "{}()", "await {}(name)"])
def test_a_name_does_not_pass_for_a_line_of_code(name: str, place: str) -> None:
    assert name not in redact(place.format(name))


@pytest.mark.parametrize(
    "name",
    [
        "bücher.example",
        "例え.テスト",
        "例え。テスト",
        "例え．jp",
        "example。org",
        "उदाहरण.भारत",
        "пример.рф",
        "مثال.إختبار",
        "xn--bcher-kva.example",
        "example.xn--p1ai",
        "ｅｘａｍｐｌｅ．ｏｒｇ",
        "db.site2",
        "site.org",  # whose first label is a module of Python
        "code.org",
        "http.example.org",
        "freespan.example.org",
        "una.py",
    ],
)
@pytest.mark.parametrize("place", ["{}", "to {} failed", "'{}'", "{}:443", "{}/path", "/{}", "{}.", "\\{}"])
def test_names_of_all_scripts_go(name: str, place: str) -> None:
    redacted = redact(place.format(name))
    assert name not in redacted
    assert not any(
        label in redacted for label in name.replace("。", ".").replace("．", ".").split(".") if len(label) > 4
    )


# --- other ways to write a name or an address ------------------------------------------------------------


@st.composite
def encoded(draw: st.DrawFn) -> str:
    """A name of which some characters are percent-encoded, perhaps twice."""
    name = draw(names)
    hidden = draw(st.integers(0, len(name) - 1))
    text = "".join(f"%{ord(c):02X}" if i == hidden or draw(st.booleans()) else c for i, c in enumerate(name))
    return quote(text) if draw(st.booleans()) else text


@given(encoded(), words)
@example("https%3A%2F%2Fexample.org%2Fpath", "")
@example("example%2Eorg", "")
@example("example%252Eorg", "")
def test_what_is_percent_encoded_goes_whole(text: str, before: str) -> None:
    assert redact(f"{before} {text} x") == f"{before} {BLANK} x"


@pytest.mark.parametrize(
    "text", ["\\u4f8b\\u3048.jp", "b'\\xc3\\xbc.example'", "garden/v1/bridge", "2001:db8::1%25eth0", "fe80::1%wlan0.5"]
)
def test_what_is_written_in_yet_another_way_goes(text: str) -> None:
    assert redact(text).replace("b'", "").replace("'", "") == BLANK


@pytest.mark.parametrize("zone", ["eth0", "wlp2s0.100", "br-1a2b3c", "12", "Wi-Fi", "25eth0", "eth0:8080"])
def test_the_zone_of_an_address_goes_with_it(zone: str) -> None:
    assert redact(f"to fe80::1%{zone} now") == f"to {BLANK} now"
    assert redact(f"udp:fe80::a:b%{zone}") in (BLANK, f"udp:{BLANK}")


@given(st.from_regex(r"[A-Za-z0-9.+_-]{1,20}", fullmatch=True), st.one_of(names, st.sampled_from(NAMES), v4))
def test_mail_addresses_and_users_go_whole(user: str, host: str) -> None:
    for text in (f"{user}@{host}", f"{user}:word@{host}", f"mailto:{user}@{host}"):
        assert redact(f"to {text}") == f"to {BLANK}"


@pytest.mark.parametrize(
    "text", ["::ffff:192.0.2.1%eth0", "192.0.2.1%eth0:443", "FE80::1%ETH0", "fe80:0:0:0:0:0:0:1%lo"]
)
def test_no_part_of_an_address_stays(text: str) -> None:
    assert redact(f"from {text} now").replace(BLANK, "") == "from  now"


@pytest.mark.parametrize("name", ["nas7", "print-server", "db_2", "r2d2"])
@pytest.mark.parametrize("place", ["host {} is down", "the server {} refused", "machine {}", "host: {}"])
def test_behind_a_noun_a_name_has_a_digit_or_a_hyphen(name: str, place: str) -> None:
    assert redact(place.format(name)) == place.format(BLANK)


def test_a_module_is_no_module_where_names_stand() -> None:
    for place in ("host {}", "to {}", "{}:443", "a@{}", "resolve '{}'", "target: {}"):
        assert "freespan.link" not in redact(place.format("freespan.link"))
    assert redact("in freespan.link: it broke") == "in freespan.link: it broke"


@pytest.mark.parametrize("text", ["ip-10-0-0-1", "ec2-203-0-113-7", "203-0-113-7", "aa:bb:cc:dd:ee:ff"])
def test_addresses_in_other_forms_go(text: str) -> None:
    assert redact(f"at {text} now") == f"at {BLANK} now"


@pytest.mark.parametrize(
    "line",
    ["Authorization: Basic dXNlcjpwYXNz", "Proxy-Authorization: Bearer a.b", "Cookie: a=b; c=d", "password=word"],
)
def test_credentials_go(line: str) -> None:
    head, sign = (line[: line.index(":") + 1], " ") if ":" in line else (line[: line.index("=") + 1], "")
    assert redact(line) == f"{head}{sign}{BLANK}"


# --- the path of a host ----------------------------------------------------------------------------------

own_paths = st.one_of(
    st.integers(0, 2**96).map(lambda n: "/" + hashlib.blake2b(str(n).encode(), digest_size=12).hexdigest()[:16]),
    st.from_regex(r"/[A-Za-z0-9_-]{1,20}(/[A-Za-z0-9_-]{1,8})?", fullmatch=True).filter(
        lambda path: not module._SYSTEM_FOLDER.match(path)
    ),
)
ROUTES = ["", "/", "/v1/rendezvous", "/v1/bridge", "/switch.js", "/bridge", "/embed?lang=fa", "/join#x"]


@given(own_paths, st.sampled_from(ROUTES))
def test_the_path_of_a_host_goes(path: str, route: str) -> None:
    whole = path + route
    for place in ("GET {} HTTP/1.1", "'{}'", "no handler for {}", "{}: not found", "(path: {})"):
        assert redact(place.format(whole)) == place.format(BLANK)


def test_a_random_path_goes_anywhere() -> None:
    """Even where it does not look like a path; what happens to look like a word is left to `hiding`."""
    generator = random.Random(14)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    tokens = ["".join(generator.choices(alphabet, k=16)) for _ in range(400)]
    kept = [token for token in tokens if redact(f"token {token}!") != f"token {BLANK}!"]
    assert len(kept) < 20
    with hiding(*(f"/{token}" for token in tokens)):
        assert not [token for token in tokens if token in redact(f"token {token}!")]


def test_what_is_hidden_goes_anywhere_as_long_as_it_is_hidden() -> None:
    line = "told garden-7Fq2, garden-7Fq2x and xgarden-7Fq2"
    with hiding("/garden-7Fq2/"), hiding("/garden-7Fq2"):
        with hiding("garden-7Fq2"):
            pass
        assert redact(line) == f"told {BLANK}, garden-7Fq2x and xgarden-7Fq2"
    assert redact(line) == line


def test_the_name_and_the_path_of_a_url_are_hidden() -> None:
    with hiding_urls("https://print-server:8443/garden-7Fq2", "http://[2001:db8::1]"):
        assert redact("print-server has garden-7Fq2") == f"{BLANK} has {BLANK}"


def test_what_could_be_a_word_is_not_hidden() -> None:
    with hiding("/bridge", "/free", "/broker", ""):
        assert redact("a bridge of the broker is free") == "a bridge of the broker is free"


# --- invites in parts ------------------------------------------------------------------------------------


@given(invites, st.data())
def test_an_invite_in_two_parts_goes_whole(invite: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(len("freespan2_"), len(invite) - 16))
    between = data.draw(st.sampled_from(["\n", "\n  ", " ", "\r\n> ", "' '", '",\n "', "=\n", " + "]))
    assert redact(f"to {invite[:cut]}{between}{invite[cut:]} now") == f"to {BLANK} now"


def test_a_part_of_an_invite_by_itself_goes() -> None:
    for number in range(50):
        invite = format_invite(invite_to("https://host.example", hashlib.sha256(bytes([number])).digest()))
        for cut in range(20, len(invite) - 40, 13):
            assert redact(f"and {invite[cut:]}") == f"and {BLANK}"
            assert redact(f"and {invite[cut : cut + 40]}") == f"and {BLANK}"


# --- what must stay --------------------------------------------------------------------------------------

READABLE = [
    "freespan.egress.server",
    "freespan.link.bond.core: a bond broke: ValueError in feed, line 12",
    "asyncio.events",
    "asyncio.base_events",
    "http.client",
    "aiohttp.client_exceptions",
    "asyncio.Queue",
    "asyncio.TimeoutError",
    "FileNotFoundError",
    "ClientConnectorCertificateError",
    "<freespan.link.base.Link object at 0x7f0e5b5103d0>",
    "<Task finished name='egress-link' coro=<Bond.run() done, defined at /opt/x/bond.py:120> exception=ValueError()>",
    "<bound method Bond.run of <freespan.link.bond.bond.Bond object at 0x7f0e5b5103d0>>",
    "egress-key.pem is not a private key",
    "host.toml: port: must be from 0 to 65535",
    "invites.sqlite is locked",
    "base_events.py:653",
    "bond.py:120: in feed",
    "invites.sqlite-journal",
    "README.md",
    "host.toml.tmp",
    "WebRTC library, version 1.2.3.4",
    "/usr/lib/python3.11/asyncio/base_events.py",
    "/opt/freespan/link/base.py:12",
    "/var/lib/freespan/invites.sqlite",
    "src/freespan/link/base.py",
    "/usr/lib/x86_64-linux-gnu/libssl.so.3",
    "Python 3.11.7",
    "freespan 0.1.0.dev1",
    "aiohttp@3.14.1",
    "numpy 2.0.0rc1",
    "OpenSSL 3.0.11 19 Sep 2023",
    "Mozilla/5.0 Chrome/156.0.0.0",
    "HTTP/1.1 200 OK",
    "TLSv1.3",
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)",
    "2026-11-30 12:30:45,123",
    "[Errno 111] Connection refused",
    "[Errno -2] Name or service not known",
    "the broker cannot be reached",
    "connected to the broker",
    "connection to a bridge lost: no answer; next attempt in 5 s",
    "the host has changed its key",
    "KeyError: 'sessions'",
    "AttributeError: 'NoneType' object has no attribute 'send'",
    "NameError: name 'foo' is not defined",
    "TypeError: f() got an unexpected keyword argument 'x'",
    "ssl:default [None]",
    "line:12 code:200 port:443",
    "and/or, n/a, text/plain",
    "0.5 s, 12.5 MB/s; 100 % done",
    "SSLV3_ALERT_HANDSHAKE_FAILURE",
    "FREESPAN_METRICS_PORT",
    "test_a_long_name_with_1_digit",
    "std::vector",
]


@pytest.mark.parametrize("text", READABLE)
def test_what_helps_to_find_a_fault_stays(text: str) -> None:
    assert redact(text) == text


def test_the_modules_of_a_traceback_stay() -> None:
    """Those that are loaded, as all are that can stand there, and those of freespan in any case."""
    assert asyncio.events.__name__ in sys.modules
    assert aiohttp.client_exceptions.__name__ in sys.modules
    loaded = [name for name in sys.modules if name.isidentifier() or name.replace(".", "").isidentifier()]
    assert [name for name in loaded if redact(f"in {name}:") != f"in {name}:"] == []
    package = Path(module.__file__).parents[1]
    own = [".".join(("freespan", *file.relative_to(package).with_suffix("").parts)) for file in package.rglob("*.py")]
    own = [name.removesuffix(".__init__") for name in own]
    assert len(own) > 200
    assert [name for name in own if redact(name) != name] == []


def test_what_is_left_readable_is_no_top_level_domain() -> None:
    top_level = {name.lower() for name in get_top_level_domains()}
    endings = set(re.findall(r"[a-z]{2,}", module._OWN_FILE.pattern)) - {"md"}  # capitals before it
    assert {"pem", "toml", "sqlite", "js", "tmp"} <= endings
    assert not top_level & (endings | set(re.findall(r"[a-z]+", module._METHOD.pattern)))


# --- time ------------------------------------------------------------------------------------------------

LONG = [
    *("a", "a-", "a.", "1.", ":", "ab:", "a://", "freespan1", "self.", "/", "//", "/a", "a/", "a@", "@", "%41", "a%"),
    *(
        "('",
        "host=",
        "host 'a",
        "connect to ",
        "AbC1",
        "xn--",
        "。",
        "中.",
        "freespan2_ ",
        "GET /",
        "1-",
        "1:",
        "dead-",
    ),
    *("\\", "C:\\a\\", "a:1", "_", "A", "[", "..", "self.a(", "::", "Host: ", "freespan2_a\n", "Cookie: ", "\\u12"),
]


@pytest.mark.parametrize("text", LONG, ids=repr)
def test_a_long_line_takes_time_in_proportion(text: str) -> None:
    line = text * (40_000 // len(text))
    began = time.process_time()
    redacted = redact(f"{line} 192.0.2.1")
    assert time.process_time() - began < 5.0  # a square of the length takes minutes
    assert redacted.endswith(BLANK)


@pytest.mark.parametrize("text", ["ab_", "Ab_", "aB1_", "_", "a1-"], ids=repr)
@pytest.mark.parametrize("around", ["{}1", "{}.py", "x@1{}/", "/{}/a", "self.{}("], ids=repr)
def test_a_long_word_does_as_well(text: str, around: str) -> None:
    began = time.process_time()
    assert redact(around.format(text * (20_000 // len(text))))
    assert time.process_time() - began < 5.0
