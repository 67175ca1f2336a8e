"""Short texts: invites, what is pasted, the `host:port` of a stream, addresses, URLs of ICE servers, `Proxy-Status`."""

from __future__ import annotations

import base64
import hashlib
import ipaddress

import msgspec

from freespan.egress.policy import Policy
from freespan.wire.addresses import (
    address_text,
    is_end,
    is_metadata,
    is_private_host,
    is_private_url,
    is_public,
    parse_address,
)
from freespan.wire.errors import InputError, InviteError, MessageError
from freespan.wire.ice import check_stun, check_turn_servers
from freespan.wire.invite import PREFIX, TOKEN_SIZE, Invite, check_broker_url, format_invite, parse_invite
from freespan.wire.messages import IceServer
from freespan.wire.pasted_host import FAULTS, find_host
from freespan.wire.pasted_invite import find_invite
from freespan.wire.proxy_status import ProxyStatus, parse_proxy_status
from freespan.wire.target import Target, parse_target
from fuzz.fuzz_target import FuzzTarget, attempt, check_reason


def _invite_to(url: str, fronts: tuple[str, ...] = (), stun: tuple[tuple[str, ...], ...] = ()) -> Invite:
    return Invite(url, bytes(32), bytes([9]) + bytes(31), bytes(TOKEN_SIZE), fronts, stun)


_INVITE = _invite_to("https://host.example/p", ("https://front.example",), (("stun:h.example:3478",),))
_HOSTS = (
    *(b"localhost", b"127.0.0.1", b"127.1", b"0x7f000001", b"0177.0.0.1", b"2130706433", b"[::1]", b"::ffff:10.0.0.1"),
    *(b"2002:7f00:1::", b"64:ff9b::7f00:1", b"fe80::1%eth0", b"168.63.129.16", b"192.0.0.9", b"2001:4860:4860::8888"),
    *("bücher.example".encode(), "１２７.０.０.１".encode(), b"xn--a", b"a.local", b"1.1.1.1", b"8.8.8.8", b"%", b"."),
)

_NAMES = (
    "faß.test",
    "نامه‌ای.test",
    "1א.ב",
    "א.xn--4dbrk0ce",
    "e\u0301",
    "\u0301a",
    "xn--ü",
    "a\u200db",
    "💩。test",
    "b%C3%BC",
)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


# --- invites -------------------------------------------------------------------------------------------
def _invite(data: bytes) -> None:
    """The first byte says whether the rest is a text, or what a text with the right check holds."""
    kind, rest = data[:1], data[1:]
    if kind == b"p":
        check = hashlib.sha256(rest).digest()[:4]
        text = PREFIX + base64.urlsafe_b64encode(rest + check).decode().rstrip("=")
    else:
        text = _text(rest)
    invite = attempt(lambda: parse_invite(text), InviteError)
    if isinstance(invite, InviteError):
        check_reason(invite)
        return
    assert len(invite.egress_key) == len(invite.sealing_key) == 32
    assert len(invite.token) == TOKEN_SIZE
    assert all(url.startswith(("http://", "https://")) and url.isprintable() for url in invite.endpoints)
    assert parse_invite(format_invite(invite)) == invite


# --- pasted texts --------------------------------------------------------------------------------------
_WRITTEN = format_invite(_INVITE)


def _pasted_invite(data: bytes) -> None:
    """The first byte says whether an invite stands in the text, after so many of its own characters."""
    text = _text(data[1:])
    if data[:1] > b"\x80":
        at = data[0] - 0x80
        text = _WRITTEN[:at] + text + _WRITTEN[at:]
    found = attempt(lambda: find_invite(text), InviteError)
    if isinstance(found, InviteError):
        check_reason(found)
    else:
        assert parse_invite(format_invite(found)) == found


def _pasted_host(data: bytes) -> None:
    found = attempt(lambda: find_host(_text(data)), InputError)
    if isinstance(found, InputError):
        check_reason(found)
        assert found.reason in FAULTS.values()
    else:
        assert check_broker_url(found) == found
        assert find_host(f"{found}/") == found


# --- host:port -----------------------------------------------------------------------------------------
_POLICIES = (Policy(), Policy.of(["example.org", "10.0.0.1"]), Policy.of([], allow_private=True))


def _host_and_port(data: bytes) -> None:
    target = attempt(lambda: parse_target(_text(data)), InputError)
    if isinstance(target, InputError):
        check_reason(target)
        return
    assert parse_target(str(target)) == target
    assert target.host.isascii()
    assert target.host.isprintable()
    assert 0 < target.port < 65_536
    _check_host(target)


def _check_host(target: Target) -> None:
    """What is no address must not be taken for one by a resolver."""
    try:
        address = ipaddress.ip_address(target.host)
    except ValueError:
        assert not target.host.rpartition(".")[2].isdigit()
    else:
        assert is_private_host(target.host) is not is_public(address)
        assert is_private_url(f"https://{target}/") is not is_public(address)
        may_dial = [policy.may_dial(address) for policy in _POLICIES]
        is_listed = target.host == "10.0.0.1"
        is_safe = not any(is_metadata(form) for form in _POLICIES[0].forms_of(address))
        assert may_dial == [is_safe and is_public(address), is_safe and (is_public(address) or is_listed), is_safe]
    refusals = [policy.check_target(target) for policy in _POLICIES]
    assert refusals[0] == refusals[2]


def _address(data: bytes) -> None:
    text = _text(data)
    address = parse_address(text)
    if address is None:
        return
    assert ipaddress.ip_address(text) == address
    written = address_text(address)
    assert parse_address(written) == address
    assert is_public(address) or not is_end(address)
    assert is_private_host(text) is not is_public(address)


def _ice_url(data: bytes) -> None:
    url = _text(data)
    for check in (check_stun, check_turn_servers):
        servers = attempt(lambda check=check: check([IceServer([url])], allow_private=False), MessageError)  # type: ignore[misc]
        private = attempt(lambda check=check: check([IceServer([url])], allow_private=True), MessageError)  # type: ignore[misc]
        if isinstance(servers, MessageError):
            check_reason(servers)
        else:
            assert not isinstance(private, MessageError)
            assert url.isascii()
            assert url.isprintable()


def _proxy_status(data: bytes) -> None:
    status = parse_proxy_status(_text(data))
    assert parse_proxy_status(status.header()) == status
    assert 400 <= status.http_status < 600
    assert 0 < status.socks_reply < 9
    assert status.sentence()


TARGETS = (
    FuzzTarget(
        "invite",
        _invite,
        ("freespan.wire.invite",),
        (
            b"t" + format_invite(_INVITE).encode(),
            b"t freespan9_x",
            b"tfreespan1_AAAA",
            b"tfreespan2_AAAA",
            b"p" + msgspec.msgpack.encode(_INVITE),
            b"p" + msgspec.msgpack.encode(_invite_to("http://[::1]:80")),
            b"p" + msgspec.msgpack.encode(Invite("http://h", bytes(31), bytes(32), bytes(TOKEN_SIZE))),
            b"p" + msgspec.msgpack.encode(Invite("http://h", bytes(32), bytes(31), bytes(TOKEN_SIZE))),
            b"p" + msgspec.msgpack.encode(Invite("http://h", bytes(32), bytes(32), bytes(TOKEN_SIZE - 1))),
            b"p" + msgspec.msgpack.encode(_invite_to("http://h", ("http://f",) * 5)),
            b"p" + msgspec.msgpack.encode(_invite_to("http://h", (), (("stun:h",),))),
            b"p" + msgspec.msgpack.encode(_invite_to("http://h?")),
        ),
        (b"freespan2_", b"https://", b"http://", b"stun:", b"\xc4\x20", b"\x94", b"\xdb\xff\xff\xff\xff", *_HOSTS),
        size_max=2_100,
    ),
    FuzzTarget(
        "pasted_invite",
        _pasted_invite,
        ("freespan.wire.pasted_invite", "freespan.wire.pasted_text"),
        (
            b"\x80" + _WRITTEN.encode(),
            b"\xb0\n> ",
            b"\xa0=\r\n",
            b"\xc8-\n",
            b"\x8a*",
            b"\x80" + _WRITTEN.replace("_", "", 1).encode(),
            b"\x80" + _WRITTEN.replace("-", "\u2013").encode(),
            b"\x80" + _WRITTEN.upper().encode(),
            b"\x80" + _WRITTEN.lower().encode(),
            b"\x80" + _WRITTEN[1:].encode(),
            b"\x80" + _WRITTEN[:80].encode(),
            b"\x80" + f"{_WRITTEN} {format_invite(_invite_to('http://h'))}".encode(),
            b"\x80freespan2_l" + b"3AAA" * 4 + b"4AAA",
            b"\x80freespan3_x freespan1_x freespan2_",
            b"\x80https://h.example/join# https://h.example/",
        ),
        (
            b"freespan2_",
            b"&#95;",
            b"&lowbar;",
            b"%5F",
            b"\\u005f",
            b"<em>",
            b"<wbr>",
            b"\xe2\x80\x8b",
            b"\xe2\x80\x94",
            b"=5F",
            b"=\n",
        ),
        size_max=2_100,
    ),
    FuzzTarget(
        "pasted_host",
        _pasted_host,
        ("freespan.wire.pasted_host",),
        (
            b'<script type="module" src="https://h.example/p/switch.js"></script>',
            b"&lt;iframe src=&quot;https://h.example/p/embed?layout=card&quot;&gt;",
            "h.example/p, \u043c\u043e\u0441\u0442.example".encode(),
            "\u043c\u043e\u0441\u0442.example/p".encode(),
            b"[https://a.example](https://b.example:8443/x/embed/configure)",
            b"https://away.example/?to=https%3A%2F%2Fh.example%2Fp",
            "https://h.example/a\u2013b https://h.example\u8fd9 //a.example/x".encode(),
            b"hxxps[:]//h[.]example/p _https://h.example/p_ https://u:p@h.example https://[::1]:1/x https://h.example:0/",
            b"https://h.example/join#freespan2_x localhost:1 127.0.0.1/ switch.js https://h.example/../x https://1.2/",
        ),
        (
            b"https://",
            b"//",
            b"/switch.js",
            b"/embed",
            b'src="',
            b"%2F",
            b"&#47;",
            b"\xe2\x80\xa6",
            b"\xe2\x80\x93",
            b"[.]",
            *_HOSTS,
        ),
        size_max=2_100,
    ),
    FuzzTarget(
        "host_and_port",
        _host_and_port,
        ("freespan.wire.target", "freespan.wire.names", "freespan.wire.addresses", "freespan.egress.policy"),
        (
            *(host + b":443" for host in _HOSTS),
            *(name.encode() + b":443" for name in _NAMES),
            b"[2001:db8::1]:80",
            b"[fe80::1%1]:80",
            b"a:0",
            b"a" * 64 + b":1",
        ),
        (
            b"[2002:101:101::1]",
            b"[2001:0:101:101::1]",
            b"example.org:25",
            *_HOSTS,
            b":443",
            b"[",
            b"]",
            b"-",
            b"_",
            b"xn--",
            *(name.encode() for name in _NAMES),
        ),
        size_max=400,
    ),
    FuzzTarget(
        "address",
        _address,
        ("freespan.wire.addresses",),
        (
            *_HOSTS,
            b"1:2:3:4:5:6:7:8",
            b"::ffff:1.2.3.4",
            b"1::8",
            b"2001:0:101:101::1",
            b"64:ff9b::1.1.1.1",
            b"1:2:3:4:5:6:1.2.3.4",
        ),
        (*_HOSTS, b"::", b":", b"255", b"0", b"ffff", b"."),
        size_max=64,
    ),
    FuzzTarget(
        "ice_url",
        _ice_url,
        ("freespan.wire.ice",),
        (b"stun:h.example:3478", b"turn:1.1.1.1?transport=udp", b"turns:[2a00::1]:443?transport=tcp", b"stun:10.0.0.1"),
        (*_HOSTS, b"stun:", b"turn:", b"turns:", b"?transport=udp", b"?transport=tcp"),
        size_max=1_024,
    ),
    FuzzTarget(
        "proxy_status",
        _proxy_status,
        ("freespan.wire.proxy_status",),
        (
            ProxyStatus("dns_error").header().encode(),
            b"a; error=dns_timeout, b;error=x",
            b"error=;error=connection_refused",
        ),
        (b"error=", b"dns_error", b";", b",", b" ", b"freespan"),
    ),
)
