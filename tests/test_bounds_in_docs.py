"""The bounds that pages of docs/ name are those that the code has: the table of limits.md, and what others promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from freespan.access.keeper import KeeperSettings
from freespan.access.limits import NAME_MAX
from freespan.access.records import DAYS_KEPT
from freespan.api.connections import ConnectionLimits
from freespan.api.settings import TURN_URLS_MAX
from freespan.broker.settings import BrokerSettings, CensusSettings, ProofSettings, ShownSettings, StunSettings
from freespan.client.settings import ClientSettings
from freespan.egress.block_list import BLOCK_LIST_MAX
from freespan.egress.settings import EgressSettings
from freespan.link.bond.settings import BondSettings
from freespan.link.turns import STEP_SECONDS
from freespan.sources.rate import Rate
from freespan.sources.shares import Places
from freespan.tunnel import bounded_quic, congestion, driver, effort
from freespan.tunnel.settings import TunnelSettings
from freespan.wire import limits

DOCS = Path(__file__).parent.parent / "docs"

BROKER, PROOF, SHOWN, STUN = BrokerSettings(), ProofSettings(), ShownSettings(), StunSettings()
CENSUS = CensusSettings()
BOND, CLIENT, EGRESS, TUNNEL = BondSettings(), ClientSettings(), EgressSettings(), TunnelSettings()
HTTP = ConnectionLimits()

NUMBERS = {3: "three", 4: "four", 8: "eight", 16: "sixteen", 20: "twenty"}


def size(count: int) -> str:
    """Bytes, in the largest unit in which they are a whole number."""
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if count % unit == 0:
            return f"{count // unit} {name}"
    return f"{count:,} bytes"


def rate(value: Rate) -> str:
    per_second = value.per_second
    pace = f"{per_second:g}/s" if per_second >= 1 else f"1 in {1 / per_second:g} s"
    return f"{value.burst:,} at once and then {pace}"


def kept(places: Places) -> str:
    return f"at most {places.host:,} from one address, {places.network:,} from one network"


def rates(host: Rate, network: Rate) -> str:
    """The budget of an address, and how many times that its network has."""
    times = network.burst / host.burst
    assert network.per_second / host.per_second == pytest.approx(times)
    return f"{rate(host)}; {NUMBERS[round(times)]} times that"


ROWS = {
    "message on a link": [f"1 to {limits.MESSAGE_MAX:,} bytes"],
    "send queue of a link": [size(limits.LINK_QUEUE_MAX)],
    "waiting in a bridge, one direction": [size(limits.PIPE_WAITING_MAX)],
    "links of a bond": [str(limits.BOND_LINKS_MAX)],
    "lanes between a client and a bridge": [
        f"{limits.LANES_MAX + 1} with the first pipe; {limits.LANES_OPENING_MAX} at a time",
        f"{limits.CHANNEL_OPEN_SECONDS:g} s each",
    ],
    "a bond: from the first packet": [size(limits.BOND_SPAN_MAX)],
    "a bond without a link": [f"{BOND.wait_seconds / 60:g} min"],
    "unread in a stream; in a session": [
        f"{TUNNEL.stream_window >> 10} KiB at least, {TUNNEL.stream_window_first >> 10} KiB at first",
        f"up to {size(TUNNEL.stream_window_max)}); {size(TUNNEL.session_window)}",
    ],
    "unsent in a stream; in a session": [f"{size(TUNNEL.stream_unsent_max)}; {size(TUNNEL.session_unsent_max)}"],
    "headers of a stream": [size(limits.HEADERS_MAX)],
    "work for sessions in one turn": [f"{1e3 * STEP_SECONDS:g} ms"],
    "what a session sends in one step": [f"{driver.FLUSH_MAX // 1_000} KB"],
    "what has arrived for a session": [
        f"{size(driver.WAITING_MAX)}, each packet counted with {limits.BOND_PACKET_COST} bytes more",
        size(driver.WAITING_AT_MOST),
    ],
    "what a session's messages cost": [
        f"{effort.BYTE_SECONDS / 7e-9:.0f} times what an honest byte does (7 ns)",
        f"a message ({1e3 * effort.MESSAGE_SECONDS:g} ms)",
        f"a piece of a stream ({1e3 * effort.PIECE_SECONDS:g} ms)",
        f"a request ({1e3 * effort.REQUEST_SECONDS:g} ms)",
        f"{effort.DEBT_MAX_SECONDS:g} s of CPU more",
    ],
    "frames in a datagram; packets; ranges": [
        f"{bounded_quic.FRAMES_MAX}; {bounded_quic.PACKETS_MAX}; {bounded_quic.ACK_RANGES_MAX};"
        f" {size(bounded_quic.CRYPTO_MAX)}"
    ],
    "sent and not acknowledged by QUIC": [
        f"{size(congestion.IN_FLIGHT_MAX)}, {congestion.PACKETS_IN_FLIGHT_MAX:,} packets,"
        f" {congestion.FRAMES_IN_FLIGHT_MAX:,} frames"
    ],
    "streams in a session": [f"| {limits.STREAMS_MAX} |", f"waits up to {TUNNEL.place_seconds:g} s"],
    "what a session holds altogether": [size(EGRESS.session_held_max)],
    "sessions in an egress |": [
        f"{EGRESS.sessions_max:,}, of which",
        f"at most {EGRESS.sessions_each} from one address",
    ],
    "links in an egress": [f"{EGRESS.links_max:,}, of which", f"sessions with at most {EGRESS.links_each}"],
    "sessions in an egress that have no link": [str(EGRESS.waiting_sessions_max), size(EGRESS.waiting_bytes_max)],
    "links without a complete handshake": [
        f"{EGRESS.without_handshake_max:,}, {limits.HANDSHAKE_SECONDS:g} s each",
        f"at most {EGRESS.without_handshake_each} from one address",
    ],
    "how long a link takes to say who it is": [f"{limits.HANDSHAKE_SECONDS:g} s; {EGRESS.turned_away_seconds:g} s"],
    "first messages of one address or bridge that do not open": [
        rates(EGRESS.not_opened, EGRESS.not_opened_of_network)
    ],
    "how long a client asks again that is one too many for its invite": [f"{CLIENT.crowded_seconds:g} s"],
    "an invite: bytes of a month, bytes a second, sessions": [f"silent for {EGRESS.silent_seconds:g} s"],
    "handshakes of one address or bridge": [
        f"{rate(EGRESS.handshakes)}; {EGRESS.handshakes_of_network.burst:,},"
        f" {EGRESS.handshakes_of_network.per_second:g}/s; {EGRESS.handshakes_in_all.burst:,},"
        f" {EGRESS.handshakes_in_all.per_second:g}/s",
        f"waits up to {EGRESS.handshake_patience_seconds:g} s",
    ],
    "connections of an egress to targets": [
        f"{EGRESS.sockets_max:,}; {EGRESS.dials_max}",
        f"sessions with at most {EGRESS.streams_each}",
    ],
    "new connections of a session to targets": [
        f"{EGRESS.connections.burst:,} at once and then {EGRESS.connections.per_second:g}/s",
        f"{EGRESS.connections_to_one.burst:,} at once and then {EGRESS.connections_to_one.per_second:g}/s",
        f"{EGRESS.place_times} times that for one network or proved bridge, {EGRESS.invite_times} times",
        f"waits up to {EGRESS.connection_patience_seconds:g} s",
    ],
    "bytes that a session carries in a day": [f"{EGRESS.bytes_a_day // 10**9} GB"],
    "block list": [size(BLOCK_LIST_MAX)],
    "names being resolved": [
        f"{EGRESS.lookups_per_session_max} for a session, {EGRESS.lookups_per_source_max} for a source,"
        f" {EGRESS.lookups_max} for an egress"
    ],
    "connections to a host |": [f"at most {HTTP.each} from one address"],
    "new connections of one address": [rates(HTTP.opened, HTTP.opened_of_network)],
    "requests of one address": [
        rates(HTTP.requests, HTTP.requests_of_network),
        f"waits up to {HTTP.patience:g} s",
    ],
    "a response that is not read": [size(HTTP.unsent)],
    "request heads whose end has not come": [size(HTTP.unfinished)],
    "bridges in a broker": [
        f"{BROKER.bridges_max:,}, of which {BROKER.bridges_for_newcomers:,} places",
        kept(BROKER.bridge_places),
    ],
    "bridges that connect from one address": [rates(BROKER.joins_of_host, BROKER.joins_of_network)],
    "bridges of one address that break the protocol": [rate(BROKER.offences_of_host)],
    "messages of a bridge": [
        f"{BROKER.messages_burst:g} at once and then {BROKER.messages_per_second:g}/s,"
        f" and {BROKER.messages_per_offer:g} more for each offer"
    ],
    "unread by a bridge": [size(BROKER.unread_max)],
    "bridges asked for one rendezvous": [str(BROKER.attempts_max)],
    "networks of readers whose offers a bridge refuses": [str(BROKER.misses_max)],
    "probes of a broker": [f"{BROKER.probes_max}, {BROKER.probe_seconds:g} s each"],
    "addresses in an offer or answer": [f"{limits.OFFER_ADDRESSES_MAX}; {limits.CANDIDATES_PASSED_MAX}"],
    "ICE user name; password": [f"{limits.UFRAG_MAX} characters; {limits.ICE_PASSWORD_MAX}"],
    "offers that name the requester's own address": [rates(BROKER.offers_at_own_host, BROKER.offers_at_own_network)],
    "offers that name any other address": [rates(BROKER.offers_at_other_host, BROKER.offers_at_other_network)],
    "addresses whose budget is remembered": [f"{BROKER.targets_max:,} of each kind"],
    "offers at one bridge": [f"{BROKER.offers_per_bridge} waiting"],
    "how long a client waits for a connection to the host": [
        f"{CLIENT.host_connect_seconds:g} s ({CLIENT.host_last_connect_seconds:g} s); {CLIENT.host_seconds:g} s;"
        f" {CLIENT.bridge_open_seconds:g} s; {CLIENT.turn_open_seconds:g} s"
    ],
    "what `Retry-After` may ask for": [f"{CLIENT.retry_after_max_seconds:g} s"],
    "bridges that a client avoids": [f"{limits.AVOID_MAX}, for {CLIENT.cooldown_seconds / 60:g} minutes"],
    "new bridges that an hour shows a network": [
        f"{SHOWN.of_network}, and {SHOWN.per_handshake} for each of up to {SHOWN.signs_max} handshakes"
    ],
    "bridges remembered as shown": [
        f"{SHOWN.shown_max:,} for a network, {SHOWN.readers_max:,} networks, {SHOWN.names_max:,} in all"
    ],
    "proofs of bridges": [f"of {PROOF.readers_max:,} networks; {PROOF.waiting_max} answers of a bridge wait at a time"],
    "name of an invite": [f"{NAME_MAX} characters"],
    "what invites have used that is not written": [f"that of {KeeperSettings().write_seconds:g} s"],
    "days of usage that are kept apart": [str(DAYS_KEPT)],
    "TURN URLs of a host": [str(TURN_URLS_MAX)],
    "tickets in an egress": [f"{TUNNEL.egress_tickets_max:,}"],
    "STUN |": [
        f"{STUN.answers_per_second:g} answers a second and bursts of {STUN.burst} to one address,"
        f" of {STUN.sources_max:,} addresses"
    ],
    "rendezvous that wait for a bridge": [
        f"{BROKER.rendezvous_max:,}, of which {BROKER.rendezvous_for_newcomers} places",
        kept(BROKER.rendezvous_places),
    ],
    "bodies of rendezvous that have not arrived": [
        f"{BROKER.bodies_max}, {BROKER.body_seconds:g} s each; {BROKER.bodies_for_newcomers} places",
        kept(BROKER.body_places),
    ],
    "rendezvous and requests for TURN servers of one address": [
        rates(BROKER.rendezvous_of_host, BROKER.rendezvous_of_network)
    ],
    "requests that are answered again in the same way": [
        f"those of the last {BROKER.answers_seconds / 60:g} min",
        f"{BROKER.answers_max:,} answers of {size(limits.RENDEZVOUS_STEPS[0])}",
        f"{BROKER.answers_for_newcomers:,} places are kept for sources with {kept(BROKER.answer_places)}",
    ],
    "places at bridges that one address": [
        f"{BROKER.held_by_host} times, or {BROKER.held_by_network} times",
    ],
    "misses of bridges for which one address": [
        rates(BROKER.misses_of_host, BROKER.misses_of_network),
    ],
    "rendezvous body, which is padded": [
        " or ".join(", ".join(str(step >> 10) for step in limits.RENDEZVOUS_STEPS).rsplit(", ", 1)) + " KiB",
        f"{size(limits.RENDEZVOUS_BODY_MAX)}; {size(limits.SIGNAL_MESSAGE_MAX)}; {size(limits.SDP_MAX)}"
        f" and {limits.SDP_LINES_MAX} lines",
    ],
    "connections to the local proxy": [f"{CLIENT.proxy_connections_max:,}"],
}
"""How a row of the table begins, and what stands in it."""

SENTENCES = {
    "threat-model.md": [
        f"{BROKER.offers_at_other_host.burst} offers at once and"
        f" {3_600 * BROKER.offers_at_other_host.per_second:.0f} an hour",
        f"at most {NUMBERS[limits.OFFER_ADDRESSES_MAX]} public addresses for each offer",
        f"for {limits.CHANNEL_OPEN_SECONDS:g} seconds",
        f"An hour shows each network {SHOWN.of_network} new ones",
        f"learn {24 * SHOWN.of_network} bridges a day by asking alone",
        f"from which countries at least {NUMBERS[CENSUS.readers_min]} readers came in the last hour",
        f"unanswered is asked last, and one of {NUMBERS[BROKER.misses_max]} is sent away",
    ],
    "protocol/rendezvous.md": [
        f"up to {limits.AVOID_MAX} names of bridges",
        f"at most {limits.SDP_LINES_MAX} lines",
        f"ICE user name (4 to {limits.UFRAG_MAX} characters) and password (22 to {limits.ICE_PASSWORD_MAX})",
        f"at most {limits.SDP_MAX:,} characters as JSON",
        f"An hour shows one network {SHOWN.of_network} new bridges, and {SHOWN.per_handshake} more for each handshake",
        f"{BROKER.offers_at_own_host.burst:,} at once and then one a second",
        f"{BROKER.offers_at_other_host.burst} and then one in six seconds",
        f"A bridge has {limits.ANSWER_SECONDS:g} seconds to answer. At most {NUMBERS[BROKER.attempts_max]} bridges",
        f"together have {limits.RENDEZVOUS_SECONDS:g} seconds",
    ],
    "protocol/signalling.md": [
        f"readers of {NUMBERS[BROKER.misses_max]} networks in a row, within a minute",
        f"more than {BROKER.messages_burst:g} messages at once",
        f"each offer allows it {NUMBERS[round(BROKER.messages_per_offer)]} more",
        f"A broker with {BROKER.probes_max} probes",
    ],
    "protocol/tunnel.md": [
        f"more than {bounded_quic.FRAMES_MAX} frames in a datagram",
        f"more than {bounded_quic.ACK_RANGES_MAX} ranges in an ACK",
        f"more than {NUMBERS[bounded_quic.TICKETS_MAX]} tickets",
        f"More than {bounded_quic.CRYPTO_MAX:,} bytes of TLS",
        f"more than {bounded_quic.KEY_UPDATES_MAX} changes of keys",
        f"Of more than {bounded_quic.PACKETS_MAX} packets in a datagram",
        f"At most {congestion.IN_FLIGHT_MAX >> 20} MiB and {congestion.PACKETS_IN_FLIGHT_MAX:,} packets",
    ],
}
"""What pages promise besides, with their lines joined."""


@pytest.mark.parametrize("begin", ROWS)
def test_the_page_has_the_bounds_of_the_code(begin: str) -> None:
    rows = [
        row for row in (DOCS / "limits.md").read_text(encoding="utf-8").splitlines() if row.startswith(f"| {begin}")
    ]
    assert len(rows) == 1
    assert [part for part in ROWS[begin] if part not in rows[0]] == []


@pytest.mark.parametrize("page", SENTENCES)
def test_other_pages_promise_the_bounds_of_the_code(page: str) -> None:
    text = " ".join((DOCS / page).read_text(encoding="utf-8").split())
    assert [part for part in SENTENCES[page] if part not in text] == []
