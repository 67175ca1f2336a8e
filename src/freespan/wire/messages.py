"""The JSON messages of the rendezvous, of bridge signalling and of lanes (docs/protocol/)."""

from __future__ import annotations

import re
from typing import Annotated, TypeVar

import msgspec

from freespan.wire.errors import MessageError, VersionError
from freespan.wire.limits import AVOID_MAX, BRIDGE_CAPACITY_MAX, PROTOCOL_VERSION, SDP_MAX, SIGNAL_MESSAGE_MAX
from freespan.wire.network import Mapping, Network

OfferId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
BridgeName = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Sdp = Annotated[str, msgspec.Meta(min_length=1, max_length=SDP_MAX)]
Text = Annotated[str, msgspec.Meta(max_length=200)]
_RETRY_AFTER_MAX = 3_600
_AMOUNT_MAX = 2**53
Url = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class IceServer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A STUN or TURN server, as `RTCConfiguration.iceServers` takes it."""

    urls: Annotated[list[Url], msgspec.Meta(min_length=1, max_length=8)]
    username: Text | None = None
    credential: Text | None = None


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """The first message of a bridge; `capacity` in sessions. A probe, which only wants the welcome, sends 0."""

    version: int
    capacity: Annotated[int, msgspec.Meta(ge=0, le=BRIDGE_CAPACITY_MAX)]


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """A bridge's answer to the offer `id`."""

    id: OfferId
    sdp: Sdp


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """A bridge does not take the offer `id`."""

    id: OfferId
    reason: Text


class Load(msgspec.Struct, frozen=True, tag="load"):
    """How many sessions a bridge has now."""

    sessions: Annotated[int, msgspec.Meta(ge=0, le=BRIDGE_CAPACITY_MAX)]


class NetworkReport(msgspec.Struct, frozen=True, omit_defaults=True, tag="network"):
    """What a bridge has found out about its own network, in the fields of `Network`."""

    ipv4: Mapping | None = None
    ipv6: Mapping | None = None


class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    """The broker accepts a bridge, and names the one egress that it may connect to (a WebSocket URL).

    `ice_servers` are STUN servers, one entry with all its ports for each; a bridge uses the first one that answers.
    """

    egress: Url
    ice_servers: Annotated[list[IceServer], msgspec.Meta(max_length=8)] = []


class Offer(msgspec.Struct, frozen=True, omit_defaults=True, tag="offer"):
    """A client's offer for this bridge; `ice_servers` are TURN servers for this offer, if the two ends need any."""

    id: OfferId
    sdp: Sdp
    ice_servers: Annotated[list[IceServer], msgspec.Meta(max_length=8)] = []


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    """The broker is still there."""


class LaneOffer(msgspec.Struct, frozen=True, tag="lane_offer"):
    """A client asks for one more peer connection to the bridge whose signalling channel this comes in."""

    id: OfferId
    sdp: Sdp


class LaneAnswer(msgspec.Struct, frozen=True, tag="lane_answer"):
    """A bridge's answer to the lane offer `id`."""

    id: OfferId
    sdp: Sdp


class LaneRefusal(msgspec.Struct, frozen=True, tag="lane_refusal"):
    """A bridge does not take the lane offer `id`."""

    id: OfferId
    reason: Text


class RendezvousRequest(msgspec.Struct, frozen=True, omit_defaults=True, tag="rendezvous"):
    """A client asks for a bridge.

    Attributes:
        version: `PROTOCOL_VERSION`.
        offer: an SDP offer, with its candidates.
        network: what the client has found out about its own network; None before it has measured.
        avoid: names of bridges that the client must not be given.
        extra: the client has a bridge already, and gets another one only while most places are free.
    """

    version: int
    offer: str
    network: Network | None = None
    avoid: Annotated[list[BridgeName], msgspec.Meta(max_length=AVOID_MAX)] = []
    extra: bool = False


class TurnRequest(msgspec.Struct, frozen=True, tag="turn"):
    """A client asks for the host's TURN servers."""

    version: int


class RendezvousAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The broker's answer to a client.

    Attributes:
        version: `PROTOCOL_VERSION`.
        answer: the bridge's SDP answer, with its candidates.
        bridge: a name without a meaning, for `avoid`.
        source: a word for the network that the bridge's WebSocket comes from (IPv4 /16, IPv6 /32), which begins with
            the IP version; empty where the broker does not know it.
    """

    version: int
    answer: str
    bridge: Annotated[str, msgspec.Meta(max_length=64)] = ""
    source: Annotated[str, msgspec.Meta(max_length=64)] = ""


class TurnCredentials(msgspec.Struct, frozen=True):
    """The host's TURN servers, with credentials that expire; the list is empty if the host has none."""

    version: int
    ice_servers: Annotated[list[IceServer], msgspec.Meta(max_length=8)]


class Countries(msgspec.Struct, frozen=True):
    """At least this many readers in the last hour: by country (ISO 3166-1, two letters), and from anywhere else."""

    countries: dict[str, int]
    somewhere: int


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a request failed: `application/problem+json` (RFC 9457).

    Attributes:
        type: `urn:freespan:problem:` and the code.
        title: the code in words.
        status: the status of HTTP, whether the answer is sealed or not.
        detail: one line for a person.
        field: the field of the request that is wrong.
        retry_after: in how many seconds to ask again.
        amount: of an invite that is not admitted: bytes of its quota, or the number of its sessions.
        again: of such an invite: the day on which its quota begins anew (ISO 8601).
    """

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    retry_after: Annotated[int, msgspec.Meta(ge=0, le=_RETRY_AFTER_MAX)] | None = None
    amount: Annotated[int, msgspec.Meta(ge=0, le=_AMOUNT_MAX)] = 0
    again: Annotated[str, msgspec.Meta(max_length=10)] = ""

    @property
    def code(self) -> str:
        """The last part of `type`, e.g. `no_bridge`."""
        return self.type.rpartition(":")[2]


class _Outcome(msgspec.Struct, frozen=True):
    """What an opened answer is: problems alone have a status."""

    status: int | None = None


Asked = RendezvousRequest | TurnRequest
ToBroker = Hello | NetworkReport | Answer | Refusal | Load
ToBridge = Welcome | Offer | Ping
LaneReply = LaneAnswer | LaneRefusal

_Message = TypeVar("_Message")
_to_broker: msgspec.json.Decoder[ToBroker] = msgspec.json.Decoder(ToBroker)
_to_bridge: msgspec.json.Decoder[ToBridge] = msgspec.json.Decoder(ToBridge)
_lane_offer = msgspec.json.Decoder(LaneOffer)
_lane_reply: msgspec.json.Decoder[LaneReply] = msgspec.json.Decoder(LaneReply)
_asked: msgspec.json.Decoder[Asked] = msgspec.json.Decoder(Asked)
_answer = msgspec.json.Decoder(RendezvousAnswer)
_turn_credentials = msgspec.json.Decoder(TurnCredentials)
_problem = msgspec.json.Decoder(Problem)
_outcome = msgspec.json.Decoder(_Outcome)

# msgspec ends its messages with the path of the wrong part: "… - at `$.ice_servers[0].urls`".
_PATH = re.compile(r" - at `\$\.?([^`]*)`$")
_VERSIONS_SHOWN = 1_000
"""Versions that an error names; a number may have thousands of digits."""
_MISSING = re.compile(r"missing required field `([^`]+)`")


def encode(message: msgspec.Struct) -> str:
    """Write any of the messages as JSON text."""
    return encode_bytes(message).decode()


def encode_bytes(message: msgspec.Struct) -> bytes:
    """The same for a socket, in UTF-8."""
    return msgspec.json.encode(message)


def decode_to_broker(text: str | bytes) -> ToBroker:
    """Read a message of a bridge. Raises `MessageError`."""
    message = _decode(_to_broker, text)
    if isinstance(message, Hello):
        check_version(message.version)
    return message


def decode_to_bridge(text: str | bytes) -> ToBridge:
    """Read a message of a broker to a bridge. Raises `MessageError`."""
    message = _decode(_to_bridge, text)
    if isinstance(message, Welcome) and not message.egress.startswith(("ws://", "wss://")):
        raise MessageError("egress", "must be a ws or wss URL")
    return message


def decode_lane_offer(text: str | bytes) -> LaneOffer:
    """Read a message of a client to its bridge. Raises `MessageError`."""
    return _decode(_lane_offer, text)


def decode_lane_reply(text: str | bytes) -> LaneReply:
    """Read a message of a bridge to its client. Raises `MessageError`."""
    return _decode(_lane_reply, text)


def decode_asked(body: bytes) -> Asked:
    """Read what a client asks the broker for. Raises `MessageError`."""
    asked = _decode(_asked, body)
    check_version(asked.version)
    return asked


def decode_rendezvous_answer(body: bytes) -> RendezvousAnswer:
    """Read a broker's answer to a client. Raises `MessageError`."""
    answer = _decode(_answer, body)
    check_version(answer.version)
    return answer


def decode_turn_credentials(body: bytes) -> TurnCredentials:
    """Read a broker's list of TURN servers. Raises `MessageError`."""
    credentials = _decode(_turn_credentials, body)
    check_version(credentials.version)
    return credentials


def decode_problem(body: bytes) -> Problem:
    """Read a problem of a broker. Raises `MessageError`."""
    return _decode(_problem, body)


def problem_in(answer: bytes) -> Problem | None:
    """The problem that an opened answer is, or None if the broker has given what was asked. Raises `MessageError`."""
    return None if _decode(_outcome, answer).status is None else decode_problem(answer)


def check_version(version: int) -> None:
    """Raise `VersionError` unless the version is `PROTOCOL_VERSION`."""
    if version != PROTOCOL_VERSION:
        said = str(version) if 0 <= version < _VERSIONS_SHOWN else "none that is known"
        raise VersionError("version", f"is {said}, and this end speaks {PROTOCOL_VERSION}: update the older one")


def _decode(decoder: msgspec.json.Decoder[_Message], text: str | bytes) -> _Message:
    try:
        raw = text.encode() if isinstance(text, str) else text
        if len(raw) > SIGNAL_MESSAGE_MAX:
            raise MessageError("message", f"is longer than {SIGNAL_MESSAGE_MAX} bytes")
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _named(str(error)) from None
    except (msgspec.DecodeError, UnicodeError):
        raise MessageError("message", "is not JSON") from None
    except RecursionError:
        raise MessageError("message", "is nested too deep") from None


def _named(text: str) -> MessageError:
    """Turn msgspec's message into field and reason, which never repeat what the peer wrote."""
    path = _PATH.search(text)
    missing = _MISSING.search(text)
    field = ".".join(part for part in (path and path.group(1), missing and missing.group(1)) if part)
    reason = "is missing" if missing else _PATH.sub("", text)
    if reason.startswith(("Invalid value", "Invalid enum value")):
        reason = "has a value that is not in the protocol"
    return MessageError(field or "message", reason)
