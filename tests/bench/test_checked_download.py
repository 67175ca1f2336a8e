"""What a checked download records."""

import pytest

from bench.checked_download import CheckedDownload, Comparison
from bench.download import DownloadError
from bench.origin import body


def test_a_pause_is_counted_from_the_last_piece_before_the_kill() -> None:
    download = CheckedDownload([(0.0, 1), (5.0, 1), (5.5, 1), (6.5, 1), (6.6, 0)], 0)
    assert download.longest_pause(after=5.1) == 1.0
    assert download.longest_pause(after=0.0) == 5.0
    assert download.first_after(5.6) == pytest.approx(0.9)
    with pytest.raises(DownloadError):
        download.first_after(6.55)


@pytest.mark.parametrize("cut", [1, 1000, 1 << 18, 3_000_000])
def test_bytes_are_compared_with_what_the_site_sends(cut: int) -> None:
    sent = b"".join(body(3_000_000))

    def compared(come: bytes) -> tuple[int, int]:
        comparison = Comparison(len(sent))
        for at in range(0, len(come), cut):
            comparison.add(come[at : at + cut])
        return comparison.wrong, comparison.missing

    assert compared(sent[: 2 * cut]) == (0, len(sent) - len(sent[: 2 * cut]))
    if cut >= 1000:
        assert compared(sent) == (0, 0)
        assert compared(sent + b"more") == (4, 0)
        broken = bytearray(sent)
        broken[2_000_000] ^= 1
        broken[7] ^= 1
        assert compared(bytes(broken)) == (2, 0)
        moved, missing = compared(sent[:1_000_000] + sent[1_000_004:])
        assert moved > 100_000
        assert missing == 4
