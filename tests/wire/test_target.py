import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire.errors import InputError
from freespan.wire.limits import TARGET_MAX
from freespan.wire.target import Target, is_loopback, parse_host, parse_target
from tests.support.attempts import attempt

labels = st.from_regex(r"[a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9_])?", fullmatch=True)
names = st.builds(
    lambda parts, top: ".".join([*parts, top]),
    st.lists(labels, max_size=4),
    st.from_regex(r"[a-z]{2,9}", fullmatch=True),
)
addresses = st.ip_addresses().map(str)
ports = st.integers(1, 65_535)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("example.org:443", "example.org", 443),
        ("EXAMPLE.org.:443", "example.org", 443),
        ("localhost:80", "localhost", 80),
        ("my_host.example:1", "my_host.example", 1),
        ("127.0.0.1:65535", "127.0.0.1", 65_535),
        ("[::1]:80", "::1", 80),
        ("[2001:DB8:0::1]:443", "2001:db8::1", 443),
        ("bücher.example:443", "xn--bcher-kva.example", 443),
        ("4chan.example:80", "4chan.example", 80),
        ("faß.example:80", "xn--fa-hia.example", 80),
        ("-example.org:80", "-example.org", 80),
        ("example-.org:80", "example-.org", 80),
        ("b%C3%BCcher.ex%61mple:80", "xn--bcher-kva.example", 80),
        ("%e1%83%9b%E1%83%9d%E1%83%A1%E1%83%A2%E1%83%98.example:80", "xn--todfgqf.example", 80),
        ("example%2Eorg:80", "example.org", 80),
        # an address in its one form
        ("１２７.0.0.1:80", "127.0.0.1", 80),
        ("1.2.3.4.:80", "1.2.3.4", 80),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1", 80),
        ("[0:0:0:0:0:FFFF:c000:0201]:80", "192.0.2.1", 80),
        ("[::192.0.2.1]:80", "::c000:201", 80),
    ],
)
def test_good_targets(text: str, host: str, port: int) -> None:
    assert parse_target(text) == Target(host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        ":80",
        "example.org",
        "example.org:",
        "example.org:0",
        "example.org:65536",
        "example.org:4４3",
        "example.org:+80",
        "example.org:080000",
        "exa mple.org:80",
        "example.org\r\n:80",
        "example\x00.org:80",
        "exam..ple:80",
        ".example.org:80",
        "example.org..:80",
        "user@example.org:80",
        "example.org/x:80",
        "a" * 64 + ".example:80",
        "ü" * 60 + ".example:80",
        "-:80",
        "a*b.example:80",
        "1٣.0.0.1:80",
        ".".join(["a" * 60] * 5) + ":80",
        "x" * TARGET_MAX + ":80",
        "\u00ad:80",
        "\u3002:80",
        "ex\ud800ample:80",
        # what some resolvers take for an address
        "127.1:80",
        "2130706433:80",
        "0x7f000001:80",
        "0x:80",
        "0177.0.0.1:80",
        # brackets are for IPv6, and IPv6 is for brackets
        "[::1:80",
        "[::1]80",
        "[::1]",
        "[]:80",
        "[example.org]:80",
        "[127.0.0.1]:80",
        "::1:80",
        "1::2:3",
        # a zone means nothing at another machine
        "[fe80::1%eth0]:80",
        "[fe80::1%25eth0]:80",
        "fe80%3A%3A1%25eth0:80",
        "%3A%3A1:80",
        # percent-encoding of what is no name
        "a%2541.example:80",
        "a%00b.example:80",
        "a%FFb.example:80",
        "a%20b.example:80",
        "user%40example.org:80",
        "%:80",
    ],
)
def test_bad_targets(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_target(text)
    assert caught.value.field == "target"


def test_a_default_port_stands_in_for_a_missing_one() -> None:
    assert parse_target("example.org", default_port=80) == Target("example.org", 80)
    assert parse_target("example.org:", default_port=80) == Target("example.org", 80)
    assert parse_target("[::1]", default_port=80) == Target("::1", 80)
    assert parse_target("example.org:8080", default_port=80) == Target("example.org", 8080)
    with pytest.raises(InputError):
        parse_target("example.org:x", default_port=80)


@given(names | addresses, ports)
def test_round_trip(host: str, port: int) -> None:
    target = Target(parse_host(host), port)  # an IPv4 address has one form, in an IPv6 one as well
    assert parse_target(str(target)) == target


@given(names | addresses)
def test_the_canonical_form_is_a_fixed_point(host: str) -> None:
    assert parse_host(parse_host(host)) == parse_host(host)


@given(st.text(max_size=TARGET_MAX + 20), st.none() | ports)
def test_any_text_is_a_target_or_an_input_error(text: str, default_port: int | None) -> None:
    target = attempt(lambda: parse_target(text, default_port=default_port), InputError)
    if isinstance(target, InputError):
        assert target.field == "target"
        return
    assert 1 <= target.port <= 65_535
    assert target.host.isascii()
    assert not set(target.host) & set(" \t\r\n/@[]%\\")
    assert parse_target(str(target)) == target


@given(st.from_regex(r"[0-9a-fA-Fx.:\[\]%]{1,40}", fullmatch=True))
def test_whatever_looks_like_an_address_is_one_in_canonical_form_or_refused(text: str) -> None:
    target = attempt(lambda: parse_target(text, default_port=1), InputError)
    if isinstance(target, Target):
        last = target.host.rpartition(".")[2]
        assert not last.isdigit() or str(ipaddress.ip_address(target.host)) == target.host


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("a.b.localhost", True),
        ("127.0.0.1", True),
        ("127.255.1.2", True),
        ("0.0.0.0", True),
        ("0.1.2.3", True),
        ("::1", True),
        ("::", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:7f00:1", True),
        ("localhost.example", False),
        ("notlocalhost", False),
        ("128.0.0.1", False),
        ("126.255.255.255", False),
        ("10.0.0.1", False),
        ("::2", False),
        ("::ffff:8.8.8.8", False),
        ("2001:db8::1", False),
    ],
)
def test_what_means_the_own_machine(host: str, expected: bool) -> None:
    assert is_loopback(parse_host(host)) is expected
