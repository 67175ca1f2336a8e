import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.request import RequestError
from freespan.client.local_proxy.socks4 import Socks4Parser, Socks4Request
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target
from tests.client.local_proxy.splits import cut, feed, places

GRANTED, FAILED, WRONG_USER = (bytes((0, code)) + bytes(6) for code in (90, 91, 93))


def by_address(address: tuple[int, int, int, int], port: int = 443, *, user_id: bytes = b"", command: int = 1) -> bytes:
    return struct.pack(">BBH", 4, command, port) + bytes(address) + user_id + b"\0"


def by_name(name: bytes, port: int = 443, *, user_id: bytes = b"", last: int = 1) -> bytes:
    return by_address((0, 0, 0, last), port, user_id=user_id) + name + b"\0"


def ask(data: bytes, credentials: Credentials | None = None) -> Socks4Request:
    found = Socks4Parser(credentials).receive_data(data)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("data", "target"),
    [
        (by_address((192, 0, 2, 1), 80), Target("192.0.2.1", 80)),
        (by_address((203, 0, 113, 9), 1, user_id=b"somebody"), Target("203.0.113.9", 1)),
        (by_address((0, 0, 0, 0)), Target("0.0.0.0", 443)),  # which the host refuses
        (by_address((0, 0, 1, 1)), Target("0.0.1.1", 443)),
        (by_name(b"example.org"), Target("example.org", 443)),
        (by_name(b"Example.ORG.", last=255), Target("example.org", 443)),
        (by_name("faß.example".encode(), user_id="я".encode()), Target("xn--fa-hia.example", 443)),
        (by_name(b"192.0.2.7", user_id=b"x" * 1_024), Target("192.0.2.7", 443)),
        (by_name(b"2001:db8::1"), Target("2001:db8::1", 443)),
        (by_name(b"[2001:db8::1]"), Target("2001:db8::1", 443)),
    ],
)
def test_destinations(data: bytes, target: Target) -> None:
    found = ask(data)
    assert (found.target, found.first_bytes, found.accepted) == (target, b"", GRANTED)


@pytest.mark.parametrize("data", [by_address((192, 0, 2, 1)), by_name(b"example.org")])
def test_what_comes_behind_the_request_is_kept(data: bytes) -> None:
    assert ask(data + b"\0hello").first_bytes == b"\0hello"


@pytest.mark.parametrize(
    "error", ["connection_refused", "dns_error", "destination_ip_prohibited", "destination_unavailable", "other"]
)
def test_there_is_one_code_for_a_stream_that_is_not_opened(error: str) -> None:
    assert ask(by_name(b"a.example")).refused(ProxyStatus(error)) == FAILED


@pytest.mark.parametrize(
    "data",
    [
        by_address((192, 0, 2, 1), command=2),
        by_address((192, 0, 2, 1), command=0),
        by_address((192, 0, 2, 1), 0),
        by_name(b""),
        by_name(b"example.org", 0),
        by_name(b"exa mple.org"),
        by_name(b"example.org:443"),
        by_name(b"\xff\xfe"),
        by_name(b"fe80::1%eth0"),
        by_name(b"a" * 1_025),
        by_address((192, 0, 2, 1), user_id=b"a" * 1_025),
        b"\4\1\1\xbb\0\0\0\1" + b"a" * 1_025,  # with no end in sight
    ],
)
def test_bad_requests_get_a_reply(data: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        ask(data)
    assert caught.value.reply == FAILED


# --- where a password is wanted ----------------------------------------------------------------
ASKED_FOR = Credentials("reader", "se:cret")
GIVEN = b"reader:se:cret"


@pytest.mark.parametrize(
    "request_by", [by_address((192, 0, 2, 1), user_id=GIVEN), by_name(b"a.example", user_id=GIVEN)]
)
def test_the_user_id_has_the_user_name_and_the_password(request_by: bytes) -> None:
    assert ask(request_by, ASKED_FOR).accepted == GRANTED


@pytest.mark.parametrize(
    "user_id", [b"", b"reader", b"reader:", b"se:cret", b":se:cret", b"reader:se", b"reader:se:creT", b"Reader:se:cret"]
)
def test_a_wrong_user_id_is_refused_and_nothing_behind_it_is_read(user_id: bytes) -> None:
    with pytest.raises(RequestError, match="user id") as caught:
        ask(by_name(b"\xff", user_id=user_id), ASKED_FOR)
    assert caught.value.reply == WRONG_USER


# --- in pieces ---------------------------------------------------------------------------------
names = st.binary(max_size=30).map(by_name) | st.from_regex(rb"[a-z]{1,9}\.[a-z]{2,5}", fullmatch=True).map(by_name)
addresses = st.binary(min_size=4, max_size=4).map(lambda raw: by_address((raw[0], raw[1], raw[2], raw[3])))


@given(
    names | addresses | st.binary(max_size=60).map(lambda rest: b"\4" + rest),
    st.binary(max_size=9),
    places,
    st.none() | st.just(ASKED_FOR),
)
@example(by_name(b"example.org", user_id=GIVEN), b"hello", [1, 9, 24, 30], ASKED_FOR)
@example(by_name(b"a" * 1_025), b"", [1_034, 1_033], None)
def test_any_bytes_in_any_split_come_to_the_same_end(
    data: bytes, rest: bytes, at: list[int], credentials: Credentials | None
) -> None:
    whole = feed(Socks4Parser(credentials), [data + rest])
    assert feed(Socks4Parser(credentials), cut(data + rest, at)) == whole
    assert feed(Socks4Parser(credentials), [bytes((byte,)) for byte in data + rest]) == whole
    assert whole[2] == b""
