"""The bounds of the protocol, on which all ends must agree; sizes in bytes, times in seconds.

What one end decides for itself is in the settings of its room. docs/limits.md lists all bounds, and what happens there.
"""

PROTOCOL_VERSION = 1
"""The version of the rendezvous and of bridge signalling; an end that gets another one refuses it."""

# --- links and pipes -------------------------------------------------------------------------
MESSAGE_MAX = 16_384
"""Size of the longest message of a link; a longer one closes the link."""
DATAGRAM_SIZE = 16_000
"""Size of a QUIC datagram. It nearly fills a message, because costs are per message; aioquic breaks above 16,383."""
INITIAL_DATAGRAM_SIZE = 2_000
"""Size of the first datagrams of a session, which QUIC pads to their full size (RFC 9000 section 14.1). Datagrams of
DATAGRAM_SIZE would wait for two round trips in a new data channel, which sends 4,380 bytes at once (RFC 9260 section
7.2.1). They are longer than a packet of the network, because some censors take a first message that fits into one
packet for TLS in DTLS."""
LINK_QUEUE_MAX = 512 * 1024
"""How many bytes may wait in the send queue of a link before it is no longer writable."""
PIPE_WAITING_MAX = 4 * 1024 * 1024
"""How many bytes may wait inside a bridge in one direction; more of them end that pipe."""
CHANNEL_OPEN_SECONDS = 15.0
"""How long a bridge waits for the data channel after its answer; then it closes the pipe."""

# --- bond: several links that carry one session ----------------------------------------------
LANES_MAX = 8
"""How many peer connections a client may have to one bridge, the first one included."""
LANES_OPENING_MAX = 4
"""How many lanes of one client may be opening at a time; a bridge refuses one more."""
LANE_ANSWERS_MAX = 64 * 1024
"""How many bytes of replies may wait for a client that asks for lanes and does not read; more of them end its pipe."""
BOND_LINKS_MAX = 24
"""Links of one bond; one acknowledgement for all of them fits beside a datagram."""
BOND_SPAN_MAX = 8 * 1024 * 1024
"""From the first packet that is not acknowledged to the last that was sent: what a sender keeps, and so what a receiver
may have to hold back until order is restored."""
BOND_PACKET_COST = 256
"""What a packet counts for in that, besides its bytes: many small ones must not cost more memory than big ones."""

# --- rendezvous and bridge signalling ---------------------------------------------------------
RENDEZVOUS_BODY_MAX = 32_768
"""Size of the longest body of a rendezvous, in either direction; the broker answers a longer one with 413."""
SIGNAL_MESSAGE_MAX = 32_768
"""Size of the longest message between bridge and broker, and in a signalling channel."""
SDP_MAX = 16_384
"""Characters of the longest session description."""
BRIDGE_CAPACITY_MAX = 64
"""The most sessions that a bridge may offer to take."""
AVOID_MAX = 16
"""How many bridges a client may ask not to be given; beyond that it forgets the oldest."""
TURN_CREDENTIAL_SECONDS = 3_600.0
"""How long the credentials for a TURN server can be used for a new connection through it."""
HELLO_SECONDS = 10.0
"""How long a broker waits for the hello of a bridge, and a bridge for its welcome."""
ANSWER_SECONDS = 5.0
"""How long a bridge may take to answer an offer before it goes to another bridge."""
RENDEZVOUS_SECONDS = 12.0
"""How long all attempts of one rendezvous may take together; a client waits for longer."""
PING_SECONDS = 20.0
"""The time between two pings, of the broker and of every WebSocket."""
SILENCE_SECONDS = 60.0
"""How long a bridge waits for any message of its broker before it connects again."""

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
"""Characters of the longest `host:port`."""

# --- client's local proxy --------------------------------------------------------------------
