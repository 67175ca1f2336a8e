"""The bounds of the protocol, on which all ends must agree; sizes in bytes, times in seconds.

What one end decides for itself is in the settings of its room. docs/limits.md lists all bounds, and what happens there.
"""

PROTOCOL_VERSION = 1
"""The version of the rendezvous and of bridge signalling; an end that gets another one refuses it."""

# --- rendezvous and bridge signalling ---------------------------------------------------------
RENDEZVOUS_BODY_MAX = 32_768
"""Size of the longest body of a rendezvous, in either direction; the broker answers a longer one with 413."""
RENDEZVOUS_STEPS = (2_048, 4_096, 8_192, 16_384, RENDEZVOUS_BODY_MAX)
"""Sizes of what is sealed in a rendezvous, in either direction: it is padded to the next one, so that its size says
little. The first step takes what is usual."""
REPLAY_SECONDS = 600.0
"""How long a broker knows a request again, and answers a copy of it with what it has answered before."""
SIGNAL_MESSAGE_MAX = 32_768
"""Size of the longest message between bridge and broker, and in a signalling channel."""
SDP_MAX = 16_384
"""Characters of the longest session description."""
SDP_LINES_MAX = 128
"""Lines of the longest session description. Engines make some 20, and one for each candidate."""
OFFER_ADDRESSES_MAX = 4
"""How many addresses of one description an end sends connectivity checks to; whoever passes it on leaves out others."""
CANDIDATES_PASSED_MAX = 8
"""How many candidates of one description pass: an end behind a symmetric NAT has two for each of its addresses."""
UFRAG_MAX = 32
"""Characters of the longest ICE user name, which every connectivity check repeats. Engines make 4 to 16 (RFC 8839
allows 256)."""
ICE_PASSWORD_MAX = 128
"""Characters of the longest ICE password. Engines make 22 to 32."""
BRIDGE_CAPACITY_MAX = 64
"""The most sessions that a bridge may offer to take."""
AVOID_MAX = 16
"""How many bridges a client may ask not to be given; beyond that it forgets the oldest."""
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
TURN_CREDENTIAL_SECONDS = 3_600.0
"""How long the credentials for a TURN server can be used for a new connection through it."""

# --- links, pipes and lanes -------------------------------------------------------------------
MESSAGE_MAX = 16_384
"""Size of the longest message of a link; a longer one closes the link."""
CHANNEL_OPEN_SECONDS = 15.0
"""How long a bridge waits for the data channel after its answer; then it closes the pipe."""
LINK_QUEUE_MAX = 512 * 1024
"""How many bytes may wait in the send queue of a link before it is no longer writable."""
CWND_MAX = 3 * 1024 * 1024
"""The largest cwnd of a link: how many bytes may be in flight from end to end, and so wait inside a bridge."""
PIPE_WAITING_MAX = 4 * 1024 * 1024
"""How many bytes may wait inside a bridge in one direction; more of them end that pipe."""
LANES_MAX = 7
"""How many lanes a client may have to one bridge, beside the first link."""
LANES_OPENING_MAX = 4
"""How many lanes of one client may be opening at a time; a bridge refuses one more."""

# --- bond -------------------------------------------------------------------------------------
BOND_LINKS_MAX = 24
"""How many links a bond may have; one acknowledgement for all of them fits into a message beside a datagram."""
BOND_SPAN_MAX = 8 * 1024 * 1024
"""How many bytes there may be from the first packet that is not acknowledged to the last one that was sent. A sender
keeps them, and a receiver may have to hold them back until the order is restored."""
BOND_PACKET_COST = 256
"""The cost of a packet is its size and this many bytes, so that many small packets do not take more memory than a few
big ones. `BOND_SPAN_MAX` counts the costs of packets."""

# --- tunnel -----------------------------------------------------------------------------------
DATAGRAM_SIZE = 16_000
"""Size of a QUIC datagram. It nearly fills a message, because costs are per message; aioquic breaks above 16,383."""
INITIAL_DATAGRAM_SIZE = 2_000
"""Size of the first datagrams of a session, which QUIC pads to their full size (RFC 9000 section 14.1). Datagrams of
DATAGRAM_SIZE would wait for two round trips in a new data channel, which sends 4,380 bytes at once (RFC 9260 section
7.2.1). They are longer than a packet of the network, because some censors take a first message that fits into one
packet for TLS in DTLS."""
STREAMS_MAX = 512
"""How many streams of a session may be open at a time; the next one waits for a moment, whether one ends. Pages that
wait for news (long polling) hold hundreds."""
HEADERS_MAX = 4_096
"""Size of the longest header frame of a stream; a longer one ends the session. Usual ones have a few hundred bytes."""
HANDSHAKE_SECONDS = 15.0
"""How long either end waits for QUIC's handshake. Early data (0-RTT) that is older is not accepted."""
TICKET_SECONDS = 3_600.0
"""How long a session ticket is good, and how long a client uses tickets before it does a full handshake again."""
TARGET_MAX = 2_048
"""Characters of the longest `host:port`. The name in it may be longer than DNS takes, until it is in DNS' form."""
RESOLVE_SECONDS = 5.0
"""How long an egress takes at most to resolve the name of a target. A client waits for longer."""
DIAL_SECONDS = 10.0
"""How long an egress takes at most to connect to a target. A client waits for longer."""
