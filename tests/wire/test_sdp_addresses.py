"""Private addresses are left out of descriptions that cross the open internet."""

from freespan.wire.sdp import check_offer, without_private_addresses

OFFER = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
m=application 50370 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 192.168.1.7
a=candidate:1 1 udp 2122194687 192.168.1.7 50370 typ host generation 0 network-id 1
a=candidate:2 1 udp 2122265343 fd00::2 58695 typ host generation 0 network-id 2
a=candidate:3 1 udp 2122265343 0a1b2c3d-1111-2222-3333-444455556666.local 58695 typ host generation 0
a=candidate:4 1 udp 1686052607 9.9.9.9 50370 typ srflx raddr 192.168.1.7 rport 50370 generation 0
a=candidate:5 1 udp 1686052607
a=ice-ufrag:6LRZ
a=ice-pwd:S9fcvoX7RjbX+aJWUtCSyqB/
a=fingerprint:sha-256 95:A5
a=setup:actpass
a=mid:0
a=end-of-candidates
""".replace("\n", "\r\n")


def test_only_public_candidates_pass_and_nothing_private_is_left_in_them() -> None:
    passed = without_private_addresses(OFFER)
    candidates = [line for line in passed.split("\r\n") if line.startswith("a=candidate")]
    assert candidates == [
        "a=candidate:4 1 udp 1686052607 9.9.9.9 50370 typ srflx raddr 0.0.0.0 rport 50370 generation 0"
    ]
    for private in ("192.168", "fd00", ".local", "end-of-candidates"):
        assert private not in passed


def test_the_rest_stays_a_valid_offer_without_a_default_candidate() -> None:
    passed = check_offer(without_private_addresses(OFFER))
    assert "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n" in passed
    assert "a=ice-pwd:S9fcvoX7RjbX+aJWUtCSyqB/\r\n" in passed
