"""Limits as people write them, and names as people read them."""

import datetime

import pytest

from freespan.access.limits import check_name, check_sessions, name_key, parse_expires, parse_quota, parse_rate
from freespan.wire.errors import InputError

NOW = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30d", 30 * 86_400), ("12h", 43_200), ("2w", 14 * 86_400), (" 90min ", 5_400), ("1s", 1), ("0.5d", 43_200)],
)
def test_a_duration_counts_from_now(text: str, seconds: int) -> None:
    assert parse_expires(text, NOW) == NOW + seconds


def test_a_day_counts_to_its_end() -> None:
    assert parse_expires("2026-11-30", NOW) == NOW + 12 * 3_600


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *(
            (text, "must be a time such as 30d")
            for text in ("", "30", "d", "-3d", "30 days", "1m", "1e3d", "٣d", "30d\0")
        ),
        *((text, "must be in the future") for text in ("0d", "2026-11-29", "1970-01-01")),
        *((text, "must be at most 3650d") for text in ("3651d", "999999999w", "9999-12-30")),
        *((text, "is no day of the calendar") for text in ("2027-02-30", "0000-01-01", "9999-12-31")),
    ],
)
def test_another_text_is_no_time(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=rf"^expires: {reason}"):
        parse_expires(text, NOW)


@pytest.mark.parametrize(
    ("text", "size"),
    [("20GB/month", 20 * 10**9), ("1.5 TB/month", 15 * 10**11), (" 512MiB /month ", 512 * 2**20), ("1MB/month", 10**6)],
)
def test_a_quota_is_a_size_for_each_month(text: str, size: int) -> None:
    assert parse_quota(text) == size


@pytest.mark.parametrize(
    "text", ["", "20GB", "20GB/day", "20/month", "GB/month", "-1GB/month", "20Gb/month", "٢GB/month"]
)
def test_another_text_is_no_quota(text: str) -> None:
    with pytest.raises(InputError, match=r"^quota: must be a size for each month, such as 20GB/month"):
        parse_quota(text)


@pytest.mark.parametrize(
    ("text", "size"), [("2MB/s", 2 * 10**6), ("500kB/s", 500_000), ("16 kB/s", 16_000), ("1MiB/s", 2**20)]
)
def test_a_rate_is_a_size_for_each_second(text: str, size: int) -> None:
    assert parse_rate(text) == size


@pytest.mark.parametrize("text", ["", "2MB", "2Mbit/s", "2MB/sec", "2mb/s", "fast", "1e3kB/s"])
def test_another_text_is_no_rate(text: str) -> None:
    with pytest.raises(InputError, match=r"^rate: must be a size for each second, such as 2MB/s"):
        parse_rate(text)


def test_bounds_that_let_nothing_or_everything_through_are_refused() -> None:
    with pytest.raises(InputError, match=r"^quota: must be at least 1MB/month"):
        parse_quota("0kB/month")
    with pytest.raises(InputError, match=r"^rate: must be at least 16kB/s"):
        parse_rate("15kB/s")
    with pytest.raises(InputError, match=r"^quota: is too much to be a bound"):
        parse_quota("999999999TiB/month")
    for number in (0, -1, 10_001):
        with pytest.raises(InputError, match=r"^sessions: must be from 1 to 10000"):
            check_sessions(number)


@pytest.mark.parametrize("name", ["first", "Anna", "desk 3", "می\u200cخواهم", "读者", "👩\u200d💻", "a" * 64])
def test_a_name_may_have_all_letters_of_the_world(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((name, "must not be empty") for name in ("", " ", "\u200d")),
        ("a" * 65, "must have at most 64 characters"),
        *(
            (f"a{each}b", "must not have characters that cannot be seen")
            for each in "\0\n\r\t\x1b\x7f\x9b\u202e\u2028\ud800\ufeff"
        ),
        *((name, "must not begin or end with a space") for name in (" a", "a ", "a\u3000")),
        ("--json", "must not begin with a hyphen"),
    ],
)
def test_another_text_is_no_name(name: str, reason: str) -> None:
    with pytest.raises(InputError, match=rf"^name: {reason}"):
        check_name(name)


def test_names_that_people_would_not_tell_apart_are_one() -> None:
    assert name_key("Café") == name_key("CAFE\u0301") == name_key("ca\u200dfé")
    assert name_key("anna") != name_key("anne")
