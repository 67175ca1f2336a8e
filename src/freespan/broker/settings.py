"""The values that a broker can be given. Pure data: each object of the broker takes the settings that it needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from freespan.sources.rate import Rate
from freespan.sources.shares import Places
from freespan.wire.limits import (
    ANSWER_SECONDS,
    HANDSHAKE_SECONDS,
    HELLO_SECONDS,
    PING_SECONDS,
    RENDEZVOUS_SECONDS,
    REPLAY_SECONDS,
)


@dataclass(frozen=True, kw_only=True)
class ProofSettings:
    """When a bridge has proved itself.

    Attributes:
        reader_seconds: in this time the readers of one network, or one invite, can give one proof.
        readers_max: networks and invites that are remembered for that; beyond them, the first one is forgotten.
        handshake_seconds: how long an answer waits for its handshake before it counts as a failure.
        waiting_max: answers of one bridge that wait at a time; another one can neither prove it nor fail.
        failures_per_proof: with more failures than this for each proof, a bridge counts as one that has proved nothing.
    """

    reader_seconds: float = 3_600.0
    readers_max: int = 65_536
    handshake_seconds: float = 60.0
    waiting_max: int = 64
    failures_per_proof: int = 8


@dataclass(frozen=True, kw_only=True)
class ShownSettings:
    """How many bridges a reader is shown.

    Attributes:
        of_network: new bridges an hour for all readers of one network.
        per_handshake: new bridges more for each handshake that was completed from there.
        of_invite: new bridges an hour for one invite.
        per_ended_link: new bridges more for each link that has ended.
        signs_max: handshakes, or ended links, that count in an hour.
        short_part: of the new bridges of an hour, the last one in so many is kept for bridges that have proved
            themselves.
        shown_max: bridges that are remembered for one network or invite; beyond them, the first one is forgotten.
        readers_max: networks and invites that are remembered; beyond them, that which asked longest ago is forgotten.
        names_max: bridges that are remembered for all of them together.
        hour_seconds: the hour.
        day_seconds: after this time everything is forgotten.
    """

    of_network: int = 16
    per_handshake: int = 4
    of_invite: int = 8
    per_ended_link: int = 1
    signs_max: int = 64
    short_part: int = 4
    shown_max: int = 1_024
    readers_max: int = 20_000
    names_max: int = 500_000
    hour_seconds: float = 3_600.0
    day_seconds: float = 86_400.0


@dataclass(frozen=True, kw_only=True)
class BrokerSettings:
    """How many bridges and requests a broker takes, and how long it waits for them.

    Attributes:
        bridges_max: bridges that are connected at a time; beyond them, the newest one of the greediest source is closed
            with 1013 (try again later).
        bridges_for_newcomers: how many of these places are kept for sources that are not greedy.
        bridge_places: bridges that one host and one network may have without being greedy.
        joins_of_host: how often bridges may connect from one host.
        joins_of_network: the same for one network.
        offences_of_host: how often a bridge of one host may send what it must not; then the host has none for a while.
        offences_of_network: the same for one network.
        messages_burst: messages that a bridge may send at once.
        messages_per_second: messages that it may send in the long run.
        messages_per_offer: messages that it may send more for each offer that it is given.
        unknown_offer_messages: for how many more messages an answer counts that nobody waits for.
        unread_max: bytes that may wait for a bridge that does not read; with more, it is cut off.
        offers_per_bridge: offers that may wait for one bridge's answer at a time.
        misses_max: networks of readers in a row that a bridge may give no answer before it is disconnected.
        miss_seconds: after this time a bridge's misses are forgotten.
        attempts_max: bridges that are asked for one rendezvous.
        draws_max: bridges that are drawn for each of them until the source may hold a place at one.
        newcomers_every: one offer in so many prefers bridges that have not proved themselves.
        probes_max: probes that are connected at a time; the rest is as with bridges.
        probes_for_newcomers: as with bridges.
        probe_places: as with bridges.
        probe_seconds: how long a probe may take to read its welcome and to close.
        rendezvous_max: requests of clients that wait for a bridge at a time; beyond them, the newest one of the
            greediest source is answered with 503 `busy`.
        rendezvous_for_newcomers: how many of these places are kept for sources that are not greedy.
        rendezvous_places: requests that one host and one network may have there without being greedy.
        bodies_max: requests whose body has not arrived at a time; the rest is as with rendezvous.
        bodies_for_newcomers: as with rendezvous.
        body_places: as with rendezvous.
        rendezvous_of_host: how often one host may ask for a bridge, or for TURN servers; the next request is answered
            with 429.
        rendezvous_of_network: the same for one network.
        offers_at_own_host: how often bridges may be given offers that name the address from which they were asked for;
            then the address is left out, or the request is answered with 429 if it is the only one.
        offers_at_own_network: the same for one network.
        offers_at_other_host: how often they may be given offers that name any other address.
        offers_at_other_network: the same for one network.
        targets_max: addresses whose budget is remembered.
        answers_max: answers of 2 KiB that are kept for copies of their requests; beyond them, the newest one of the
            greediest source is forgotten. Longer answers count several times.
        answers_for_newcomers: how many of these places are kept for sources that are not greedy.
        answer_places: answers that may be kept for one host and one network without being greedy.
        answers_seconds: how long an answer is kept.
        misses_of_host: how often a bridge may be blamed for giving one host no answer.
        misses_of_network: the same for one network.
        held_seconds: how long a place counts as held by a reader who shows no sign of using it; a bridge gives it up
            within this time.
        held_by_host: how many times as many places as are free one host may hold like that.
        held_by_network: the same for one network.
        held_max: places that are remembered as held.
        body_seconds: how long the body of a request may take to arrive.
        close_seconds: how long a bridge may take to close its WebSocket after the broker has closed it.
        hello_seconds: how long a bridge may take to send its hello.
        answer_seconds: how long a bridge may take to answer an offer; then another bridge is asked.
        rendezvous_seconds: how long all attempts of one rendezvous may take together.
        ping_seconds: the time between two pings to a bridge.
        retry_after_seconds: the `Retry-After` of a 429 or 503 if nobody knows how long to wait, in whole seconds.
        proof: when a bridge has proved itself.
        shown: how many bridges a reader is shown.
    """

    bridges_max: int = 25_000
    bridges_for_newcomers: int = 2_500
    bridge_places: Places = field(default=Places(64, 256))
    joins_of_host: Rate = field(default=Rate(per_second=20.0, burst=4_096))
    joins_of_network: Rate = field(default=Rate(per_second=80.0, burst=16_384))
    offences_of_host: Rate = field(default=Rate(per_second=1.0, burst=256))
    offences_of_network: Rate = field(default=Rate(per_second=4.0, burst=1_024))
    messages_burst: float = 128.0
    messages_per_second: float = 2.0
    messages_per_offer: float = 4.0
    unknown_offer_messages: float = 3.0
    unread_max: int = 32_768
    offers_per_bridge: int = 4
    misses_max: int = 3
    miss_seconds: float = 60.0
    attempts_max: int = 3
    draws_max: int = 8
    newcomers_every: int = 4
    probes_max: int = 256
    probes_for_newcomers: int = 64
    probe_places: Places = field(default=Places(16, 64))
    probe_seconds: float = 10.0
    rendezvous_max: int = 2_048
    rendezvous_for_newcomers: int = 256
    rendezvous_places: Places = field(default=Places(256, 1_024))
    bodies_max: int = 512
    bodies_for_newcomers: int = 64
    body_places: Places = field(default=Places(32, 128))
    rendezvous_of_host: Rate = field(default=Rate(per_second=10.0, burst=1_000))
    rendezvous_of_network: Rate = field(default=Rate(per_second=200.0, burst=20_000))
    offers_at_own_host: Rate = field(default=Rate(per_second=1.0, burst=1_000))
    offers_at_own_network: Rate = field(default=Rate(per_second=8.0, burst=8_000))
    offers_at_other_host: Rate = field(default=Rate(per_second=1 / 6, burst=240))
    offers_at_other_network: Rate = field(default=Rate(per_second=16 / 6, burst=3_840))
    targets_max: int = 32_768
    answers_max: int = 16_384
    answers_for_newcomers: int = 2_048
    answer_places: Places = field(default=Places(256, 1_024))
    answers_seconds: float = REPLAY_SECONDS
    misses_of_host: Rate = field(default=Rate(per_second=0.5, burst=256))
    misses_of_network: Rate = field(default=Rate(per_second=2.0, burst=1_024))
    held_seconds: float = ANSWER_SECONDS + HANDSHAKE_SECONDS
    held_by_host: int = 4
    held_by_network: int = 16
    held_max: int = 65_536
    body_seconds: float = 10.0
    close_seconds: float = 2.0
    hello_seconds: float = HELLO_SECONDS
    answer_seconds: float = ANSWER_SECONDS
    rendezvous_seconds: float = RENDEZVOUS_SECONDS
    ping_seconds: float = PING_SECONDS
    retry_after_seconds: int = 3
    proof: ProofSettings = field(default=ProofSettings())
    shown: ShownSettings = field(default=ShownSettings())


@dataclass(frozen=True, kw_only=True)
class CensusSettings:
    """How the broker counts readers by country.

    Attributes:
        readers_min: readers, each in a network of their own, that a country must have to be named.
        memory_seconds: how long a reader is counted.
        step_seconds: figures change only at multiples of this time; it divides `memory_seconds`.
        cache_seconds: how long the published figures may be cached, in whole seconds.
    """

    readers_min: int = 3
    memory_seconds: float = 3_600.0
    step_seconds: float = 600.0
    cache_seconds: int = 300


@dataclass(frozen=True, kw_only=True)
class StunSettings:
    """How often the STUN server answers.

    Attributes:
        answers_per_second: answers to one address in the long run; many people may share the address of a carrier's
            NAT.
        burst: answers to one address at once.
        sources_max: addresses whose rate is remembered; beyond them, the one that was answered longest ago is
            forgotten.
    """

    answers_per_second: float = 64.0
    burst: int = 256
    sources_max: int = 8_192
