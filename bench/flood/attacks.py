"""All attacks by name."""

from __future__ import annotations

from collections.abc import Callable

from bench.flood import broker_attacks, egress_attacks, frames
from bench.flood.egress_attacks import sending
from bench.flood.raw_socket import Aim

Attack = Callable[[Aim], None]
"""Attacks a host until `Aim.until`, and returns then."""

ATTACKS: dict[str, Attack] = {
    # the egress' time
    "fragments": sending(frames.fragments),
    "fragments_from_behind": sending(frames.fragments_from_behind),
    "fragments_of_many_streams": sending(frames.fragments_of_many_streams),
    "single_bytes": sending(frames.single_bytes),
    "repeated_bytes": sending(frames.repeated_bytes),
    "crypto_fragments": sending(frames.crypto_fragments),
    "pings": sending(frames.pings),
    "acks": sending(frames.acks),
    "short_acks": sending(frames.short_acks),
    "resets": sending(frames.resets),
    "limits": sending(frames.limits),
    "connection_ids": sending(frames.connection_ids),
    "path_challenges": sending(frames.path_challenges),
    "bond_pings": egress_attacks.bond_pings,
    "websocket_pings": egress_attacks.websocket_pings,
    "websocket_fragments": egress_attacks.websocket_fragments,
    # its memory
    "far_offsets": egress_attacks.far_offsets,
    "slow_streams": egress_attacks.slow_streams,
    # its places
    "silent_links": egress_attacks.silent_links,
    "silent_links_from_many": egress_attacks.silent_links_from_many,
    "half_links": egress_attacks.half_links,
    "bad_first_messages": egress_attacks.bad_first_messages,
    "sealed_nonsense": egress_attacks.sealed_nonsense,
    "first_flights": egress_attacks.first_flights,
    "first_flights_from_many": egress_attacks.first_flights_from_many,
    "joins": egress_attacks.joins,
    "sessions": egress_attacks.sessions,
    "streams": egress_attacks.streams,
    "resolving": egress_attacks.resolving,
    "waiting_sessions": egress_attacks.waiting_sessions,
    "waiting_sessions_from_many": egress_attacks.waiting_sessions_from_many,
    # connections
    "silent_sockets": egress_attacks.silent_sockets,
    "slow_heads": egress_attacks.slow_heads,
    "slow_bodies": egress_attacks.slow_bodies,
    "slow_readers": egress_attacks.slow_readers,
    "requests": egress_attacks.requests,
    # the broker
    "fake_bridges": broker_attacks.fake_bridges,
    "fake_bridges_from_many": broker_attacks.fake_bridges_from_many,
    "probes": broker_attacks.probes,
    "silent_signalling": broker_attacks.silent_signalling,
    "refusing_bridges": broker_attacks.refusing_bridges,
    "silent_bridges": broker_attacks.silent_bridges,
    "wrong_answers": broker_attacks.wrong_answers,
    "unasked_answers": broker_attacks.unasked_answers,
    "big_messages": broker_attacks.big_messages,
    "endless_message": broker_attacks.endless_message,
    "loads": broker_attacks.loads,
    "signalling_pings": broker_attacks.signalling_pings,
    "rendezvous": broker_attacks.rendezvous,
    "rendezvous_from_many": broker_attacks.rendezvous_from_many,
    "vanishing": broker_attacks.vanishing,
    "enumeration": broker_attacks.enumeration,
    "stun": broker_attacks.stun,
    "stun_from_many": broker_attacks.stun_from_many,
}

LOSES_BRIDGE = {"waiting_sessions", "waiting_sessions_from_many"}
"""Attacks on readers who wait: during these the reader's only bridge goes, and another one comes."""
