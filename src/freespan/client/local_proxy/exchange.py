"""One HTTP request of a program and the response to it, between two connections. Pure.

`h11` checks and writes all that passes, so that neither side gets a byte of a head or of the frame of a chunk as the
other one wrote it, and nothing passes but this request and this response:

    program ── bytes ──▶ h11 (SERVER) ── request ──▶ h11 (CLIENT) ── bytes ──▶ target
    program ◀── bytes ── h11 (SERVER) ◀── response ── repair.py, response_body.py ◀── bytes ── target

What a site sends is read by `repair.py` and `response_body.py`, which forgive what browsers forgive.
What the site says of its connection is said to the program as well: that the response ends with it, or that no other
one follows. A field `Proxy-Status` in what comes from here is the word of the egress or of the local proxy, so one that
a site has sent is left out as a whole, in trailers too: no parser has to tell one member of it from another. So is
`Proxy-Authenticate`, for which browsers would ask their reader for the password of this proxy.
"""

from __future__ import annotations

from collections.abc import Iterable

import h11

from freespan.client.local_proxy.http_request import ForwardedRequest
from freespan.client.local_proxy.repair import (
    BLANKS_MAX,
    FORGIVEN_HEAD_END,
    FRAMING,
    HEAD_MAX,
    MendedHead,
    RepairError,
    is_like_a_response,
    repaired_response,
)
from freespan.client.local_proxy.response_body import BodyError, ChunkedBody, EndlessBody, ResponseBody, SizedBody
from freespan.wire.proxy_status import ProxyStatus

_HOP_BY_HOP = {b"connection", b"proxy-connection", b"keep-alive", b"upgrade"}
_OURS = {b"proxy-status", b"proxy-authenticate", b"proxy-authentication-info"}
"""Fields that come from this proxy alone."""
_BY_CONNECTION = {b"ntlm", b"negotiate"}
"""Logins that hold for the connection on which they were made (RFC 4559 section 6)."""
_SESSION_BASED = (b"Proxy-Support", b"Session-Based-Authentication")
_NO_BODY = {204, 304}
_INTERIMS_MAX = 500
"""Most interim responses before the final one."""
_LIBRARY_MAX = 2 * HEAD_MAX
"""More than a head that was mended can have."""

_Fields = list[tuple[bytes, bytes]]


class Exchange:
    """Feed it what either side sends; each call returns what the other side gets.

    `failure` is set once one of the two sends what is no HTTP, or breaks off. Nothing passes from then on.
    """

    def __init__(self, request: ForwardedRequest) -> None:
        self.failure: ProxyStatus | None = None
        self.is_the_programs_fault = False
        self._is_broken_off = False
        self.request_is_complete = False
        self.response_is_complete = False
        self.response_has_begun = False
        """Whether the program has got the head of a final response."""
        self.is_switched = False
        """Whether the two speak another protocol from here on."""
        self._request = request
        self._has_body = False
        self._may_go_on = False
        """Whether the program was told to send its body."""
        self.is_abandoned = False
        """Whether the program, as far as is known, sends no body, since it was told not to."""
        self._program = h11.Connection(h11.SERVER, max_incomplete_event_size=_LIBRARY_MAX)
        self._program.receive_data(request.head)
        event = self._program.next_event()
        assert isinstance(event, h11.Request)
        self._is_old = event.http_version < b"1.1"
        self._for_target = event
        if self._is_old:
            self._for_target = h11.Request(method=event.method, target=event.target, headers=event.headers)
        self._begin()

    def _begin(self) -> None:
        self._target = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LIBRARY_MAX)
        self._head: bytearray | None = bytearray()
        self._head_seen = 0
        self._blanks = 0
        self._interims = 0
        self._body: ResponseBody = SizedBody(0)
        self._target_ends = False

    # --- towards the target ------------------------------------------------------------------
    def request_head(self) -> bytes:
        """The head for the target. May be called again after `start_again`."""
        return self._target.send(self._for_target)

    @property
    def has_login(self) -> bool:
        """Whether the program logs in by a scheme that holds for the connection."""
        return any(
            name == b"authorization" and value.split(b" ")[0].lower() in _BY_CONNECTION
            for name, value in self._for_target.headers
        )

    @property
    def may_be_repeated(self) -> bool:
        """Whether the request can be sent to another connection, without harm if the first one has taken it."""
        return self._request.is_safe and self.request_is_complete and not self._has_body

    def start_again(self) -> bytes:
        """Forget the target; returns all that another connection to it must get."""
        self._begin()
        self.failure = None
        return self.request_head() + self._target.send(h11.EndOfMessage())

    def receive_from_program(self, data: bytes) -> bytes:
        """Take bytes of the program; returns those for the target. What follows the request waits."""
        if data:
            self._program.receive_data(data)
        passed = []
        try:
            while not self.request_is_complete and self.failure is None:
                event = self._program.next_event()
                if isinstance(event, h11.Data):
                    self._has_body = True
                    passed.append(self._target.send(event))
                elif isinstance(event, h11.EndOfMessage):
                    self.request_is_complete = True
                    trailers = _without(event.headers.raw_items(), _HOP_BY_HOP | _OURS | FRAMING)
                    passed.append(self._target.send(h11.EndOfMessage(headers=trailers)))
                else:
                    break
        except h11.ProtocolError:
            self._fail_program()
        return b"".join(passed)

    def program_ended(self) -> None:
        """The program has ended its direction."""
        if not self.request_is_complete:
            self._fail_program()

    def program_has_gone(self) -> None:
        """The program's connection was cut."""
        self._fail_program()

    # --- towards the program -----------------------------------------------------------------
    def receive_from_target(self, data: bytes) -> bytes:
        """Take bytes of the target; returns those for the program."""
        passed: list[bytes] = []
        try:
            if self._head is not None:
                data = self._receive_heads(data, passed)
            if self._head is None and not self.is_switched:
                self._pass_body(data, passed)
        except (RepairError, h11.ProtocolError):
            self._fail("http_protocol_error")
        return b"".join(passed)

    def target_ended(self) -> bytes:
        """The target has ended its direction; returns bytes for the program."""
        passed: list[bytes] = []
        if self._head is None and isinstance(self._body, EndlessBody):
            self._complete(passed)
        if not self.response_is_complete:
            self._is_broken_off = True
            self.failure = ProxyStatus("http_response_incomplete")
        return b"".join(passed)

    def _receive_heads(self, data: bytes, passed: list[bytes]) -> bytes:
        """Take bytes up to the end of the final head; returns what comes after it."""
        head = self._head
        assert head is not None
        head += data
        while self.failure is None and self._head is not None:
            self._skip_blank_lines(head)
            end = FORGIVEN_HEAD_END.search(head, self._head_seen)
            self._head_seen = max(0, len(head) - 3)
            if not is_like_a_response(head) or self._blanks > BLANKS_MAX:
                self._fail("http_protocol_error")
            elif (end.end() if end else len(head)) > HEAD_MAX:
                self._fail("http_response_header_section_size")
            elif end is None:
                break
            else:
                mended = repaired_response(bytes(head[: end.end()]))
                del head[: end.end()]
                self._head_seen = 0
                self._pass_head(mended, passed)
        return bytes(head)

    def _skip_blank_lines(self, head: bytearray) -> None:
        """Those before a status line."""
        if head.startswith((b"\r", b"\n")):
            blanks = len(head) - len(head.lstrip(b"\r\n"))
            self._blanks += blanks
            del head[:blanks]

    def _pass_head(self, head: MendedHead, passed: list[bytes]) -> None:
        if head.code.startswith(b"1"):
            self._pass_interim(head, passed)
        else:
            passed.append(self._with_codings(self._program.send(self._final(head)), head.codings))
            self.response_has_begun = True
        if self.is_switched:
            passed.append(bytes(self._head or b""))
        if self.is_switched or self.response_has_begun:
            self._head = None

    def _pass_interim(self, head: MendedHead, passed: list[bytes]) -> None:
        self._interims += 1
        if self._interims > _INTERIMS_MAX:
            raise RepairError("there are too many interim responses")
        is_switch = head.code == b"101"
        if not self._is_old:
            headers = _forwarded(head, FRAMING)
            if is_switch:
                headers += [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
            interim = h11.InformationalResponse(status_code=int(head.code), reason=head.reason, headers=headers)
            passed.append(self._program.send(interim))
        elif is_switch:
            raise RepairError("an old program has not asked for another protocol")
        self.is_switched = is_switch
        self._may_go_on |= head.code == b"100"

    def _final(self, head: MendedHead) -> h11.Response:
        code = int(head.code)
        framing = {name.lower(): value for name, value in head.fields if name.lower() in FRAMING}
        if not framing:
            self._program.their_http_version = b"1.0"  # else the library would say that the body has chunks
        if code in _NO_BODY or self._for_target.method == b"HEAD":
            self._body = SizedBody(0)
        elif b"transfer-encoding" in framing:
            self._body = ChunkedBody()
        else:
            self._body = SizedBody(int(framing[b"content-length"])) if framing else EndlessBody()
        self._target_ends = head.version < b"1.1" or b"close" in _listed(head) or isinstance(self._body, EndlessBody)
        if code == 417 and self._is_expecting():
            self.request_is_complete = self.is_abandoned = True
        # whether the rest of an incomplete request still comes is not certain
        ends = self._target_ends or not self.request_is_complete
        headers = _forwarded(head, {b"transfer-encoding"} if code in _NO_BODY else frozenset())
        if ends:
            headers.append((b"Connection", b"close"))
        elif code == 401 and _logins(head) & _BY_CONNECTION:
            headers.append(_SESSION_BASED)
        return h11.Response(status_code=code, reason=head.reason, headers=headers)

    def _is_expecting(self) -> bool:
        """Whether the program waits to be told that it may send its body (RFC 9110 section 10.1.1).

        After 417 it sends none, and asks again.
        """
        if self.request_is_complete or self._has_body or self._may_go_on or self._program.trailing_data[0]:
            return False
        return any(name == b"expect" and value.lower() == b"100-continue" for name, value in self._for_target.headers)

    def _with_codings(self, head: bytes, codings: bytes) -> bytes:
        """The head, with transfer codings besides `chunked`, of which the library knows nothing."""
        if not codings or not isinstance(self._body, ChunkedBody | EndlessBody):
            return head
        if self._is_old:
            raise RepairError("the program knows no transfer codings")
        kept = [line for line in head.split(b"\r\n")[:-2] if line.lower() != b"transfer-encoding: chunked"]
        return b"\r\n".join([*kept, b"Transfer-Encoding: " + codings, b"", b""])

    def _pass_body(self, data: bytes, passed: list[bytes]) -> None:
        """Whatever of the body has come."""
        try:
            content = self._body.receive(data)
        except BodyError as error:
            content = error.before
            self._fail("http_protocol_error")
        if content:
            passed += self._program.send_with_data_passthrough(h11.Data(data=content)) or []
        if self._body.is_complete:
            self._complete(passed)

    def _complete(self, passed: list[bytes]) -> None:
        can_have_trailers = isinstance(self._body, ChunkedBody) and not self._is_old
        trailers = _without(self._body.trailers, _HOP_BY_HOP | _OURS | FRAMING) if can_have_trailers else []
        passed.append(self._program.send(h11.EndOfMessage(headers=trailers)))
        self.response_is_complete = True

    def target_was_cut(self, status: ProxyStatus) -> None:
        """The connection to the target was cut."""
        self.failure = self.failure or status

    # --- at the end --------------------------------------------------------------------------
    @property
    def can_reuse_target(self) -> bool:
        """Whether the connection to the target can take another request."""
        is_over = self.response_is_complete and self.request_is_complete and not self.is_abandoned
        return is_over and not self._target_ends and not self._body.excess

    @property
    def can_reuse_program(self) -> bool:
        """Whether the program may send another request."""
        program = self._program
        return program.our_state is h11.DONE and (program.their_state is h11.DONE or self.is_abandoned)

    @property
    def end_is_noticed(self) -> bool:
        """Whether the program sees by itself that a response has broken off: its length says so, or its last chunk."""
        return self._is_broken_off and not self._is_old

    @property
    def left_over(self) -> bytes:
        """What the program has sent after its request."""
        return self._program.trailing_data[0]

    def _fail_program(self) -> None:
        self._fail("http_request_error")
        self.is_the_programs_fault = True

    def _fail(self, error: str) -> None:
        self.failure = self.failure or ProxyStatus(error)


def _forwarded(head: MendedHead, more: set[bytes] | frozenset[bytes]) -> _Fields:
    """The fields of a response for the program; `more` are left out as well."""
    return _without(head.fields, _HOP_BY_HOP | _OURS | (_listed(head) - FRAMING) | more)


def _listed(head: MendedHead) -> set[bytes]:
    """What `Connection` lists."""
    values = [value for name, value in head.fields if name.lower() == b"connection"]
    return {token.strip().lower() for value in values for token in value.split(b",")}


def _without(fields: Iterable[tuple[bytes, bytes]], dropped: set[bytes] | frozenset[bytes]) -> _Fields:
    return [(name, value) for name, value in fields if name.lower() not in dropped]


def _logins(head: MendedHead) -> set[bytes]:
    """The schemes by which a site lets people in, among other words."""
    challenges = [value for name, value in head.fields if name.lower() == b"www-authenticate"]
    return {word.lower() for value in challenges for word in value.replace(b",", b" ").split()}
