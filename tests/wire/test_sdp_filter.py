"""The filter of session descriptions: no private addresses, no TCP candidates, no ambiguous lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire.errors import MessageError
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
a=fingerprint:sha-256 95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:95:A5
a=setup:actpass
a=mid:0
a=sctp-port:5000
a=end-of-candidates
""".replace("\n", "\r\n")


# --- private addresses -------------------------------------------------------------------------
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


# --- TCP candidates ----------------------------------------------------------------------------
TCP_CANDIDATES = [
    "a=candidate:9 1 tcp 1518280447 9.9.9.9 25 typ host tcptype passive",
    "a=candidate:9 1 TCP 1518280447 9.9.9.9 25 typ host tcptype passive",
    "a=candidate:9 1 ssltcp 1518280447 9.9.9.9 25 typ host",
    "a=candidate:9\t1\tudp 1 tcp 1518280447 9.9.9.9 25 typ host",  # some parsers take the second word for the third
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


# --- lines that parsers could read differently ---------------------------------------------------
@pytest.mark.parametrize("hidden", ["\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\x00", "\t"])
def test_no_line_can_be_hidden_inside_another(hidden: str) -> None:
    with pytest.raises(MessageError, match="control characters"):
        check_offer(OFFER + f"a=x:{hidden}m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n")


@pytest.mark.parametrize(
    "line",
    [
        "a=Candidate:9 1 udp 2122194687 192.168.1.1 50370 typ host",
        "A=candidate:9 1 udp 2122194687 192.168.1.1 50370 typ host",
        "a=remote-candidates:1 192.168.1.1 50370",
        "a=rtcp:9 IN IP4 192.168.1.1",
        "a=candidate :9 1 udp 2122194687 192.168.1.1 50370 typ host",
        "i=192.168.1.1",
    ],
)
def test_lines_that_no_data_channel_needs_are_left_out(line: str) -> None:
    assert "192.168" not in without_private_addresses(OFFER + line + "\r\n")


def test_what_was_filtered_passes_the_same_check_and_stays_as_it_is() -> None:
    once = without_private_addresses(OFFER)
    assert check_offer(once) == once
    assert without_private_addresses(once) == once


pieces = st.sampled_from(
    [
        "m=application 9",
        "m=",
        "c=IN IP4 192.168.0.1",
        "a=candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host",
        "a=candidate:",
        " 10.0.0.1",
        "\r",
        "\n",
        "\r\n",
        "\x0b",
        " raddr",
    ]
)


@given(st.text() | st.lists(pieces, max_size=12).map("".join))
def test_any_text_can_be_rid_of_private_addresses(text: str) -> None:
    passed = without_private_addresses(text)
    assert without_private_addresses(passed) == passed
    assert not any(line.startswith("c=") and "192.168" in line for line in passed.split("\n"))
