import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.request import RequestError
from freespan.client.local_proxy.socks5 import Socks5Parser, SocksRequest
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target
from tests.client.local_proxy.splits import cut, feed, places

GREETING = b"\x05\x01\x00"


def request(kind: int, address: bytes, port: int = 443, *, version: int = 5, command: int = 1) -> bytes:
    return bytes((version, command, 0, kind)) + address + struct.pack(">H", port)


def named(name: bytes, port: int = 443) -> bytes:
    return request(3, bytes((len(name),)) + name, port)


def ask(data: bytes) -> SocksRequest:
    parser = Socks5Parser()
    found = parser.receive_data(GREETING + data)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("data", "target"),
    [
        (request(1, bytes((192, 0, 2, 1)), 80), Target("192.0.2.1", 80)),
        (request(4, bytes(15) + b"\x01", 80), Target("::1", 80)),
        (named(b"example.org"), Target("example.org", 443)),
        (named(b"EXAMPLE.org."), Target("example.org", 443)),
        (named("bücher.example".encode()), Target("xn--bcher-kva.example", 443)),
        (named(b"192.0.2.1"), Target("192.0.2.1", 443)),
        (named(b"2001:db8::1"), Target("2001:db8::1", 443)),
        (named(b"[2001:DB8::1]"), Target("2001:db8::1", 443)),
        (named(b"[::1]\0"), Target("::1", 443)),
        (named(b"[192.0.2.1]"), Target("192.0.2.1", 443)),
        (named(b"[example.org]"), Target("example.org", 443)),
        (named(b"example.org\0"), Target("example.org", 443)),
        (named(b"example.org.\0\0"), Target("example.org", 443)),
        (named(b"192.0.2.1."), Target("192.0.2.1", 443)),
        (named(b"::ffff:192.0.2.1"), Target("192.0.2.1", 443)),
        (request(4, bytes(10) + b"\xff\xff" + bytes((192, 0, 2, 1))), Target("192.0.2.1", 443)),
        (named("faß.example".encode()), Target("xn--fa-hia.example", 443)),
        (named("نامه‌ای.example".encode()), Target("xn--mgba3gch31f060k.example", 443)),
        (named("☃_-.example".encode()), Target("xn--_--esx.example", 443)),
        (named("аpple.example".encode()), Target("xn--pple-43d.example", 443)),  # Cyrillic, and not rewritten
        (named(b"-a-.example"), Target("-a-.example", 443)),
        (named(b"a" * 63 + b"." + b"b" * 63), Target("a" * 63 + "." + "b" * 63, 443)),
    ],
)
def test_destinations(data: bytes, target: Target) -> None:
    found = ask(data)
    assert found.target == target
    assert found.first_bytes == b""


def test_what_comes_behind_the_request_is_kept() -> None:
    assert ask(named(b"example.org") + b"hello").first_bytes == b"hello"


def test_a_conversation() -> None:
    parser = Socks5Parser()
    assert parser.receive_data(b"\x05") is None
    assert parser.data_to_send() == b""
    assert parser.receive_data(b"\x02\x02\x00") is None
    assert parser.data_to_send() == b"\x05\x00"
    assert parser.data_to_send() == b""
    assert parser.receive_data(named(b"example.org")[:-1]) is None
    assert parser.data_to_send() == b""
    found = parser.receive_data(named(b"example.org")[-1:])
    assert found is not None
    assert found.accepted == b"\x05\x00\x00\x01" + bytes(6)


@pytest.mark.parametrize(
    ("error", "code"), [("connection_refused", 5), ("dns_error", 4), ("destination_ip_prohibited", 2), ("other", 1)]
)
def test_refusals_carry_the_reply_code(error: str, code: int) -> None:
    assert ask(named(b"a.example")).refused(ProxyStatus(error)) == bytes((5, code, 0, 1)) + bytes(6)


@pytest.mark.parametrize("greeting", [b"\x05\x00", b"\x05\x01\x01", b"\x05\x03\x01\x03\xff"])
def test_who_offers_no_way_that_is_known_is_told_no(greeting: bytes) -> None:
    with pytest.raises(RequestError, match="or without it") as caught:
        Socks5Parser().receive_data(greeting)
    assert caught.value.reply == b"\x05\xff"


@pytest.mark.parametrize("greeting", [b"\x05\x02\x00\x02", b"\x05\x02\x02\x00", b"\x05\x04\x80\x02\x01\x00"])
def test_no_password_is_asked_for_where_none_is_wanted(greeting: bytes) -> None:
    parser = Socks5Parser()
    assert parser.receive_data(greeting + named(b"example.org")) is not None
    assert parser.data_to_send() == b"\x05\x00"


@pytest.mark.parametrize("greeting", [b"\x05\x01\x02", b"\x05\x02\x02\x01", b"\x05\x02\x80\x02"])
@pytest.mark.parametrize("given", [b"\x01\x01u\x01p", b"\x01\x00\x00", b"\x01\x04user\xff" + bytes(255)])
def test_who_offers_a_password_alone_may_give_any_where_none_is_wanted(greeting: bytes, given: bytes) -> None:
    parser = Socks5Parser()
    assert parser.receive_data(greeting) is None
    assert parser.data_to_send() == b"\x05\x02"
    found = parser.receive_data(given + named(b"example.org") + b"hello")
    assert parser.data_to_send() == b"\x01\x00"
    assert found is not None
    assert (found.target, found.first_bytes) == (Target("example.org", 443), b"hello")


def test_what_is_no_password_at_all_is_refused() -> None:
    with pytest.raises(RequestError) as caught:
        Socks5Parser().receive_data(b"\x05\x01\x02\x05\x01u\x01p")
    assert caught.value.reply == b"\x01\x01"


# --- user name and password (RFC 1929) ---------------------------------------------------------
ASKED_FOR = Credentials("reader", "secret")
WITH_PASSWORD = b"\x05\x02\x00\x02"
GIVEN = b"\x01\x06reader\x06secret"


def test_a_conversation_with_a_password() -> None:
    parser = Socks5Parser(ASKED_FOR)
    assert parser.receive_data(WITH_PASSWORD) is None
    assert parser.data_to_send() == b"\x05\x02"
    assert parser.receive_data(GIVEN[:-1]) is None
    assert parser.data_to_send() == b""
    assert parser.receive_data(GIVEN[-1:]) is None
    assert parser.data_to_send() == b"\x01\x00"
    found = parser.receive_data(named(b"example.org"))
    assert found is not None
    assert found.target == Target("example.org", 443)


@pytest.mark.parametrize("greeting", [GREETING, b"\x05\x00", b"\x05\x01\x01"])
def test_who_has_no_password_is_told_no(greeting: bytes) -> None:
    with pytest.raises(RequestError, match="user name") as caught:
        Socks5Parser(ASKED_FOR).receive_data(greeting + named(b"example.org"))
    assert caught.value.reply == b"\x05\xff"


@pytest.mark.parametrize(
    "given",
    [
        b"\x01\x06reader\x06secreT",
        b"\x01\x06readeR\x06secret",
        b"\x01\x07readers\x05ecret",
        b"\x01\x00\x00",
        b"\x01\x06reader\x00",
        b"\x01\x00\x06secret",
        b"\x05\x06reader\x06secret",
        b"\x01\x06secret\x06reader",
    ],
)
def test_a_wrong_password_is_refused_and_nothing_behind_it_is_read(given: bytes) -> None:
    with pytest.raises(RequestError, match="wrong") as caught:
        Socks5Parser(ASKED_FOR).receive_data(WITH_PASSWORD + given + named(b"example.org"))
    assert caught.value.reply == b"\x01\x01"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (request(1, bytes(4), version=4), 1),
        (request(1, bytes(4), command=2), 7),
        (request(1, bytes(4), 0, command=3), 7),
        (request(4, bytes(16), 0, command=3), 7),
        (request(3, b"\x00", 0, command=3), 7),
        (request(3, b"\x0bexample.org", command=0xF0), 7),
        (request(2, bytes(4)), 8),
        (request(0, bytes(4)), 8),
        (named(b"fe80::1%eth0"), 8),
        (named(b"[fe80::1%25eth0]"), 8),
        (named(b""), 4),
        (named(b"\0"), 4),
        (named(b"[]"), 4),
        (named(b"[::1"), 4),
        (named(b"exa mple.org"), 4),
        (named(b"example.org\r\nX: y"), 4),
        (named(b"example.org\0.evil.example"), 4),
        (named(b"example..org"), 4),
        (named(b"\xff\xfe"), 4),
        (named(b"127.1"), 4),
        (named(b"x" * 255), 4),
        (named(b"example.org", port=0), 5),
        (request(1, bytes((192, 0, 2, 1)), 0), 5),
        (request(4, bytes(15) + b"\x01", 0), 5),
    ],
)
def test_bad_requests_get_the_nearest_code_once_they_are_complete(data: bytes, code: int) -> None:
    with pytest.raises(RequestError) as caught:
        ask(data)
    assert caught.value.reply == bytes((5, code, 0, 1)) + bytes(6)


names = st.binary(max_size=30).map(named) | st.from_regex(rb"[a-z]{1,9}\.[a-z]{2,5}", fullmatch=True).map(named)
conversations = st.builds(
    lambda greeting, body, rest: greeting + body + rest,
    st.sampled_from([GREETING, b"\x05\x02\x00\x02", b"\x05\x01\x02", b"\x05\xff"]),
    names | st.binary(min_size=4, max_size=4).map(lambda raw: request(1, raw)) | st.binary(max_size=30),
    st.binary(max_size=20),
)


@given(conversations | st.binary(max_size=60), places)
@example(GREETING + named(b"example.org") + b"hello", [1, 3, 7])
def test_any_bytes_in_any_split_come_to_the_same_end(data: bytes, at: list[int]) -> None:
    whole = feed(Socks5Parser(), [data])
    assert feed(Socks5Parser(), cut(data, at)) == whole
    assert feed(Socks5Parser(), [bytes((byte,)) for byte in data]) == whole
    assert whole[2] in {b"", b"\x05\x00", b"\x05\x02", b"\x05\x02\x01\x00"}


@given(
    st.sampled_from([WITH_PASSWORD, GREETING]), st.sampled_from([GIVEN, b"\x01\x02x"]) | st.binary(max_size=9), places
)
def test_a_password_in_any_split_comes_to_the_same_end(greeting: bytes, given: bytes, at: list[int]) -> None:
    data = greeting + given + named(b"example.org")
    whole = feed(Socks5Parser(ASKED_FOR), [data])
    assert feed(Socks5Parser(ASKED_FOR), cut(data, at)) == whole
    assert (whole[0] is not None) == (greeting == WITH_PASSWORD and given == GIVEN)
