"""Lines that one reader sees and another does not: a description means the same to all, or is refused."""

import pytest

from freespan.wire.errors import MessageError
from freespan.wire.sdp import check_offer, without_private_addresses
from tests.wire.test_sdp_addresses import OFFER


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


def test_what_is_written_anew_passes_the_same_check_and_stays_as_it_is() -> None:
    once = without_private_addresses(OFFER)
    assert check_offer(once) == once
    assert without_private_addresses(once) == once
