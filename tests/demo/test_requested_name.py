"""Which name a connection asks for, by its first bytes."""

import ssl
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.demo.requested_name import START_MAX, NoNameError, RequestedName, find_name

labels = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=20)
# Begins with a letter, so that the library below takes it for a name and not for an address.
host_names = st.lists(labels, min_size=1, max_size=4).map(lambda parts: "n" + ".".join(parts) + ".test")


def client_hello(name: str | None) -> bytes:
    """The first flight of a real TLS client."""
    context = ssl.create_default_context()
    context.check_hostname = False
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()


def in_records(hello: bytes, size: int) -> bytes:
    """The same handshake message cut over TLS records of `size` bytes, as some evaders do."""
    message = hello[5:]
    pieces = [message[at : at + size] for at in range(0, len(message), size)]
    return b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)


HELLO = client_hello("blocked.test")
REQUEST = b"GET /a HTTP/1.1\r\nAccept: */*\r\nHost: blocked.test:8002\r\n\r\nbody"


@given(host_names)
def test_finds_the_name_in_a_real_client_hello(name: str) -> None:
    assert find_name(client_hello(name)) == RequestedName(name, "sni")


@given(host_names, st.sampled_from(["", ":80", ":65535"]), st.sampled_from(["Host", "HOST", "host"]))
def test_finds_the_name_in_a_request(name: str, port: str, field: str) -> None:
    request = f"GET / HTTP/1.1\r\nUser-Agent: x\r\n{field}:  {name.upper()}.{port} \r\n\r\n"
    assert find_name(request.encode()) == RequestedName(name, "host")


@pytest.mark.parametrize("whole", [HELLO, in_records(HELLO, 7), REQUEST], ids=["tls", "tls in pieces", "http"])
def test_waits_until_there_is_enough_and_no_longer(whole: bytes) -> None:
    answers = [find_name(whole[:length]) for length in range(len(whole) + 1)]
    found = [answer for answer in answers if answer is not None]
    assert {answer.name for answer in found} == {"blocked.test"}
    assert answers == [None] * (len(answers) - len(found)) + found


@pytest.mark.parametrize("size", [1, 5, 100])
def test_a_client_hello_over_several_records_hides_nothing(size: int) -> None:
    assert find_name(in_records(HELLO, size)) == RequestedName("blocked.test", "sni")


@pytest.mark.parametrize(
    "start",
    [
        b"\x00",
        b"get / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n",
        b"GET / HTTP/1.1\r\nHost: \xff\r\n",
        b"GET / HTTP/1.1\r\nHost:\r\n",
        b"SSH-2.0-x\r\n",
        b"\x16\x04\x01\x00\x01\x01",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\xff\xff",
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
        b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",
        client_hello(None),
        b"GET /" + b"a" * START_MAX,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * START_MAX,
    ],
    ids=range(16),
)
def test_refuses_what_asks_for_no_name(start: bytes) -> None:
    with pytest.raises(NoNameError):
        find_name(start)


def read_or_refuse(start: bytes) -> None:
    """NoNameError is the only permitted error."""
    try:
        asked = find_name(start)
    except NoNameError:
        return
    assert asked is None or 0 < len(asked.name) <= 253


@given(st.binary(max_size=400))
def test_noise(start: bytes) -> None:
    read_or_refuse(start)


@given(st.binary(max_size=400))
def test_noise_that_begins_like_tls(noise: bytes) -> None:
    read_or_refuse(b"\x16\x03\x01\x01\x00\x01\x00\x00\xfc" + noise)


@given(st.binary(max_size=400))
def test_noise_that_begins_like_http(noise: bytes) -> None:
    read_or_refuse(b"GET / HTTP/1.1\r\n" + noise)


@given(st.integers(0, len(HELLO) - 1), st.binary(min_size=1, max_size=4))
def test_a_damaged_client_hello(at: int, damage: bytes) -> None:
    read_or_refuse(HELLO[:at] + damage + HELLO[at + len(damage) :])
