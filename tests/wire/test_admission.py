"""The sentences for those who are not admitted."""

import pytest

from freespan.wire.admission import ADMISSION_CODES, admission_sentence, size_text
from freespan.wire.errors import NotAdmittedError


@pytest.mark.parametrize("code", [*ADMISSION_CODES, "a_code_of_a_later_version"])
def test_every_code_has_one_line_that_says_what_to_do(code: str) -> None:
    text = str(NotAdmittedError(code))
    assert text
    assert "\n" not in text
    assert ":" in text or code == "invite_quota"


def test_a_quota_says_when_the_invite_works_again() -> None:
    assert admission_sentence("invite_quota", 20 * 10**9, "2026-12-01").endswith(
        "its 20 GB of this month: it works again on 1 December"
    )


@pytest.mark.parametrize("day", ["", "soon", "2026-13-01", "\x1b[31m"])
def test_a_day_that_is_none_is_left_out(day: str) -> None:
    assert admission_sentence("invite_quota", 1, day) == "this invite has used up its 1 byte of this month"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        *((0, "0 bytes"), (1, "1 byte"), (900, "900 bytes"), (1_000, "1 kB"), (1_500_000, "1.5 MB")),
        *((999_999, "1 MB"), (20 * 10**9, "20 GB"), (2**40, "1.1 TB"), (10**18, "1000000 TB")),
    ],
)
def test_sizes_are_written_as_people_write_them(size: int, text: str) -> None:
    assert size_text(size) == text
