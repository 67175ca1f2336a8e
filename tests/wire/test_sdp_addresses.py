"""Private addresses, and candidates of TCP, are left out of descriptions."""

import pytest

from freespan.wire.sdp import check_offer, filter_sdp, without_private_addresses

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


TCP_CANDIDATES = [
    "a=candidate:9 1 tcp 1518280447 9.9.9.9 25 typ host tcptype passive",
    "a=candidate:9 1 TCP 1518280447 9.9.9.9 25 typ host tcptype passive",
    "a=candidate:9 1 ssltcp 1518280447 9.9.9.9 25 typ host",
    "a=candidate:9\t1\tudp 1 tcp 1518280447 9.9.9.9 25 typ host",  # to some the second word is the third
    "a=candidate:9\u00a01\u00a0udp 1 tcp 1518280447 9.9.9.9 25 typ host",
    "a=candidate:9  udp tcp 1518280447 9.9.9.9 25 typ host",
    " a=candidate:9 1 tcp 1518280447 9.9.9.9 25 typ host",
    "A=Candidate:9 1 tcp 1518280447 9.9.9.9 25 typ host",
    "a=x\ra=candidate:9 1 tcp 1518280447 9.9.9.9 25 typ host",
]


@pytest.mark.parametrize("candidate", TCP_CANDIDATES)
@pytest.mark.parametrize("allow_private", [False, True], ids=["public", "private"])
def test_candidates_of_tcp_never_pass(candidate: str, allow_private: bool) -> None:
    passed = filter_sdp(f"{OFFER}{candidate}\r\n", allow_private=allow_private)
    assert passed == filter_sdp(OFFER, allow_private=allow_private)
    assert " 9.9.9.9 25 " not in passed


def test_a_private_network_keeps_all_else() -> None:
    whole = OFFER.replace("a=candidate:5 1 udp 1686052607\r\n", "")
    assert filter_sdp(whole, allow_private=True) == whole
    assert filter_sdp(whole, allow_private=False) == without_private_addresses(whole)
