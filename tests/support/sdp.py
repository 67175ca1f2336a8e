"""Session descriptions that are well-formed, but whose addresses do not answer."""


def description(setup: str, session: int = 1) -> str:
    """Session descriptions of the two ends of a data channel."""
    lines = (
        "v=0",
        f"o=- {session} 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
        f"a=setup:{setup}",
        "a=mid:0",
        "a=sctp-port:5000",
    )
    return "\r\n".join(lines) + "\r\n"


OFFER = description("actpass")
ANSWER = description("active")
