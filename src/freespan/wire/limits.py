"""Every bound of the system in one place; sizes in bytes, times in seconds.

What happens at a bound is said where the bound is applied; the summary is in `docs/limits.md`.
"""

PROTOCOL_VERSION = 1

# --- links and pipes -------------------------------------------------------------------------
MESSAGE_MAX = 16_384
"""Longest message of a link; a longer one ends the link."""
DATAGRAM_SIZE = 16_000
"""QUIC datagrams fill a message but for a little: cost is per message (aioquic breaks above 16,383)."""
HELLO_DATAGRAM_SIZE = 2_000
"""The first datagrams of a session are padded to their full size (RFC 9000 section 14.1). Of DATAGRAM_SIZE they would
wait two round trips in a fresh data channel, which sends 4,380 bytes at once (RFC 9260 section 7.2.1). They are longer
than a packet of the road, because a first message that fits into one is what some censors take for TLS in DTLS."""
LINK_QUEUE_MAX = 512 * 1024
"""What may wait in a link's send queue before `room` says no."""
PIPE_WAITING_MAX = 4 * 1024 * 1024
"""What may wait inside a bridge in one direction; more ends that pipe."""
CHANNEL_OPEN_SECONDS = 15.0
"""From an offer or answer to an open data channel."""

BRIDGE_OPEN_SECONDS = 6.0
"""A client's patience with a bridge that has answered, until the channel is open; then it tries another one."""
TURN_OPEN_SECONDS = 10.0
"""The same by way of a relay, which takes more round trips."""
STEADY_SECONDS = 30.0
"""A session, or a link of one, that held for so long was a good one: the next failure is the first again."""
HOST_CONNECT_SECONDS = 4.0
"""From a name to a connection, TLS included; then the next address of the host is tried."""
HOST_LAST_CONNECT_SECONDS = 12.0
"""The same for the last address, behind which there is none to hurry to."""
HOST_SECONDS = 30.0
"""A client's patience with all addresses of the host together, for one question."""
BRIDGE_TRIES = 2
"""Bridges that must fail one after the other before a client leaves the road by which it tried them."""
BEGIN_ANEW_SECONDS = 600.0
"""A network may have become another one: after so long a client tries its first road again, and the addresses of the
host in the invite's order."""

# --- bond: several links that carry one session ----------------------------------------------
LINKS_USUAL = 3
LINKS_MOST = 8
"""Bridges that a client has for one session, where they are to be had; more than usual only if that is faster."""
LANES_MAX = 8
"""Peer connections between one client and one bridge, the first one included."""
LANES_OPENING_MAX = 4
"""Of those, how many may be in the making at a time; of more the bridge refuses one."""
LANE_ANSWERS_MAX = 64 * 1024
"""What may wait for a client that asks for lanes and does not read the answers; more ends its pipe."""
EXTRA_LINK_SECONDS = 120.0
"""While a session has links, and the broker no bridge for another one, it asks so often in the end."""
BOND_LINKS_MAX = LINKS_USUAL * LANES_MAX
"""Links of one bond; one acknowledgement for all of them fits beside a datagram."""
BOND_SPAN_MAX = 8 * 1024 * 1024
"""From the first packet that is not acknowledged to the last that was sent: what a sender keeps, and so what a receiver
may have to hold back until order is restored."""
BOND_PACKET_COST = 256
"""What a packet counts for in that, besides its bytes: many small ones must not cost more memory than big ones."""
BOND_SPREAD_SECONDS = 0.3
"""No packet goes to a link that would bring it so much later than the fastest one."""
BOND_LATE_SECONDS = 0.45
"""A packet that is not acknowledged so long after the fastest link would have brought it is sent again on another; or
as long again as that one takes, where it takes longer than this."""
LINK_SUSPECT_MIN_SECONDS = 0.5
LINK_SUSPECT_MAX_SECONDS = 2.0
"""A link that owes an acknowledgement and is silent for four round trips, but within these bounds, is not trusted."""
LINK_SILENT_SECONDS = 2.0
"""It ends after so much silence while another one is alive,"""
LINK_SILENT_SLOW_SECONDS = 6.0
"""or after up to so much where messages take longer than half a second anyway,"""
LINK_SILENT_ALONE_SECONDS = 15.0
"""or after so much while none is: then the cause may be this end's own network."""
LINK_PROBE_SECONDS = 5.0
"""An idle link is asked so often for a sign of life."""
LINK_JOIN_SECONDS = 10.0
"""From the message that joins a link to its answer."""
BOND_WAIT_SECONDS = 300.0
"""How long a bond without any link waits for one."""
BOND_LINGER_SECONDS = 1.0
"""A bond that was closed leaves its links so much time to carry the news."""

# --- rendezvous and matchmaking --------------------------------------------------------------
RENDEZVOUS_BODY_MAX = 32_768
SIGNAL_MESSAGE_MAX = 32_768
SDP_MAX = 16_384
BRIDGES_MAX = 10_000
"""Bridges that one broker keeps; the next one is told to come back later."""
BRIDGE_CAPACITY_MAX = 64
OFFERS_PER_BRIDGE = 4
"""Offers that wait for one bridge's answer at a time."""
MISSES_MAX = 3
"""Offers that a bridge may leave without an answer in a row; then it is sent away."""
RENDEZVOUS_UNDER_WAY_MAX = 512
"""Requests waiting in the broker; the next one gets 503 `busy`."""
AVOID_MAX = 16
"""Bridges that a client asks not to be given again; of more it forgets the oldest."""
COOLDOWN_SECONDS = 300.0
"""How long a client remembers that it could not reach a bridge."""
TURN_CREDENTIAL_SECONDS = 3_600.0
"""How long the credentials for a relay are good for a new connection through it."""
HELLO_SECONDS = 10.0
LOOKERS_MAX = 256
"""Testers of one broker at a time; the next one is told to come back later."""
LOOK_SECONDS = 10.0
"""A tester's time to hear the welcome and to close."""
ANSWER_SECONDS = 5.0
"""A bridge's time to answer before the offer goes to another one."""
RENDEZVOUS_SECONDS = 12.0
"""All tries of one rendezvous together."""
PING_SECONDS = 20.0
SILENCE_SECONDS = 60.0
"""A bridge that hears nothing from its broker for so long connects anew."""
HOST_ANSWER_SECONDS = RENDEZVOUS_SECONDS + 4.0
"""A client's patience with one address of the host once it is connected: the broker's own, and time for the network."""
RETRY_AFTER_SECONDS = 3
RETRY_AFTER_MAX_SECONDS = 60.0
"""A client waits no longer than that because somebody asked it to: a front is not always the host's friend."""
SURVEY_SECONDS = 600.0
"""A bridge looks at its own network so often, and when an answer of its own gives reason to."""

# --- where readers are ------------------------------------------------------------------------
READERS_LEAST = 3
"""Readers, each in a network of its own, of whom a country is named; fewer are "somewhere"."""
CENSUS_SECONDS = 3_600.0
"""How long a reader is counted."""
CENSUS_STEP_SECONDS = 600.0
"""Figures change so often at most, a divisor of the above; what is newer is not in them."""
COUNTRIES_CACHE_SECONDS = 300
COUNTRY_DATABASE_MAX = 128 * 1024 * 1024
"""Longest database of countries; it is held in memory. Those of countries alone have about 10 MB."""

# --- STUN server -----------------------------------------------------------------------------
STUN_REQUEST_MAX = 548
"""Longest request that is looked at: what crosses every IPv4 network in one piece (RFC 8489 section 6.1)."""
STUN_ANSWERS_PER_SECOND = 64
"""To one address, in the long run; a carrier's NAT has many people behind it."""
STUN_BURST = 256
STUN_SOURCES_MAX = 8_192
"""Addresses that are remembered for the two above."""

# --- tunnel ----------------------------------------------------------------------------------
STREAMS_MAX = 128
"""Streams open at a time in a session; the next one waits until one ends."""
HEADERS_MAX = 4_096
"""Longest header frame of a stream; a longer one ends the session. Ours have at most a few hundred bytes."""
FLIGHT_MIN = 4 * DATAGRAM_SIZE
FLIGHT_MAX = 3 * 1024 * 1024
"""What may be on its way end to end, and so wait inside a bridge."""
HANDSHAKE_SECONDS = 15.0
"""How long either end waits for QUIC's handshake. Early data (0-RTT) that is older is not accepted."""
TICKET_SECONDS = 3_600.0
"""How long a session ticket is good, and how long a client uses tickets before it does a full handshake again."""

# --- egress ----------------------------------------------------------------------------------
RESOLVE_SECONDS = 5.0
"""How long an egress takes at most to resolve the name of a target. A client waits for longer."""
DIAL_SECONDS = 10.0
"""How long an egress takes at most to connect to a target. A client waits for longer."""
SPLICE_CHUNK = 64 * 1024
"""How many bytes are read at a time from a TCP connection or a stream."""
TARGET_MAX = 300
"""Longest `host:port`."""

# --- client's local proxy --------------------------------------------------------------------
PROXY_HEAD_MAX = 65_536
"""Longest request head of the local proxy."""
PROXY_HEAD_SECONDS = 20.0
PROXY_CONNECTIONS_MAX = 512
SESSION_WAIT_SECONDS = 20.0
"""How long a request waits for a session before it gets 503."""
