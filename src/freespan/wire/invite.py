"""The invite: the text that a reader needs to use a host.

An invite is `freespan2_` and base64url of msgpack of [broker URL, SHA-256 of the egress key, sealing key, token,
fronts, STUN servers], followed by the first 4 bytes of the SHA-256 of that msgpack. So an invite that is mistyped or
cut off is noticed at once. docs/protocol/invite.md has the details.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from freespan.wire.errors import InviteError

VERSION = 2
PREFIX = f"freespan{VERSION}_"
KEY_SIZE = 32
"""Bytes of each of the two keys."""
_SMALL_ORDER = frozenset(
    bytes.fromhex(point)
    for point in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)
"""The points of curve25519 with which every exchange comes to zero (RFC 7748 section 6.1): nothing can be sealed to
them."""
TOKEN_SIZE = 24
"""Bytes of a token."""
_CHECK_BYTES = 4
TEXT_MAX = 2_048
"""Characters of the longest invite."""
_URL_MAX = 1_024
_URL_CHARACTERS = re.compile(r"[!-~]+")
_STUN_URL = re.compile(r"stun:([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):([1-9][0-9]{0,4})")
FRONTS_MAX = 4
STUN_MAX = 4
STUN_URLS_MAX = 4


class Invite(msgspec.Struct, frozen=True, array_like=True):
    """What an invite holds.

    Attributes:
        broker: base URL of the broker, `http://` or `https://`, without a trailing slash.
        egress_key: SHA-256 over the egress' SubjectPublicKeyInfo (DER), 32 bytes.
        sealing_key: the host's public key for what is sealed to it (X25519, RFC 7748), 32 bytes.
        token: what the host knows the invite by, 24 bytes; nobody else can make one.
        fronts: other base URLs that lead to the same host, for readers who cannot reach `broker`.
        stun: groups of `stun:` URLs. The URLs of a group are the ports of one server; the next group is asked if the
            first one does not answer. Empty in a private network, where no end needs its outside address.
    """

    broker: str
    egress_key: bytes
    sealing_key: bytes
    token: bytes
    fronts: tuple[str, ...] = ()
    stun: tuple[tuple[str, ...], ...] = ()

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Every base URL of the host, the broker's own first."""
        return self.broker, *self.fronts


def format_invite(invite: Invite) -> str:
    """Write an invite as the text that readers pass on."""
    payload = msgspec.msgpack.encode(invite)
    return PREFIX + base64.urlsafe_b64encode(payload + _check(payload)).decode().rstrip("=")


def parse_invite(text: str) -> Invite:
    """Read an invite. White space anywhere in it is ignored, since messengers break lines.

    Raises:
        InviteError: it is not an invite, cut off, mistyped, or of another version.
    """
    compact = "".join(text.split())
    if len(compact) > TEXT_MAX:
        raise InviteError("is too long to be an invite")
    version = re.match(r"freespan([0-9]{1,4})_", compact)
    if version is None:
        raise InviteError(f"is not an invite: one begins with {PREFIX!r}")
    if int(version[1]) < VERSION:
        raise InviteError("is of an earlier version: ask whoever gave it to you for a new one")
    if version[0] != PREFIX:
        raise InviteError("is of a later version: update freespan to use it")
    payload = _decode(compact[len(PREFIX) :])
    try:
        invite = msgspec.msgpack.decode(payload, type=Invite)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InviteError("is damaged: copy the whole invite again") from None
    if len(invite.egress_key) != KEY_SIZE or len(invite.sealing_key) != KEY_SIZE:
        raise InviteError("is damaged: one of its keys has the wrong length")
    if invite.sealing_key[:-1] + bytes([invite.sealing_key[-1] & 0x7F]) in _SMALL_ORDER:  # the last bit is not read
        raise InviteError("is damaged: nothing can be sealed to its key")
    if len(invite.token) != TOKEN_SIZE:
        raise InviteError("is damaged: its token has the wrong length")
    if len(invite.fronts) > FRONTS_MAX or len(invite.stun) > STUN_MAX:
        raise InviteError("is damaged: it names too many addresses")
    fronts = tuple(check_broker_url(front) for front in invite.fronts)
    stun = tuple(check_stun_urls(group) for group in invite.stun)
    return msgspec.structs.replace(invite, broker=check_broker_url(invite.broker), fronts=fronts, stun=stun)


def check_broker_url(url: str) -> str:
    """Return `url` without a trailing slash, and with its scheme in lower case.

    Raises:
        InviteError: it is not an http or https URL of a host.
    """
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise InviteError("names a broker address that is not a URL") from None
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or not port_is_valid
        or parts.query
        or parts.fragment
        or parts.username is not None
        or not _URL_CHARACTERS.fullmatch(url)  # urlsplit ignores white space and control characters
        or len(url) > _URL_MAX
    ):
        raise InviteError("names a broker address that is not an http or https URL")
    return parts.scheme + url[len(parts.scheme) :].rstrip("/")


def check_stun_urls(urls: Sequence[str]) -> tuple[str, ...]:
    """Return a group of STUN servers, or raise `InviteError` if a URL is not `stun:host:port` (RFC 7064)."""
    matches = [_STUN_URL.fullmatch(url) for url in urls]
    if not 0 < len(urls) <= STUN_URLS_MAX or not all(match and int(match[2]) < 65_536 for match in matches):
        raise InviteError("names a STUN server that is not stun:host:port")
    return tuple(urls)


def _decode(text: str) -> bytes:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InviteError("is cut off or mistyped: copy the whole invite again") from None
    payload, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
    # base64 has unused bits, padding and a second alphabet; of all texts for the same bytes, one is valid.
    is_canonical = base64.urlsafe_b64encode(raw).decode().rstrip("=") == text
    if not payload or not is_canonical or check != _check(payload):
        raise InviteError("is cut off or mistyped: copy the whole invite again")
    return payload


def _check(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest()[:_CHECK_BYTES]
