"""Whether what a site sends belongs behind what is there."""

from __future__ import annotations

import pytest

from freespan.cli.resuming import Kept, Plan, validator_of

TAG, DATE = '"v1"', "Mon, 30 Nov 2026 20:00:00 GMT"


def test_what_is_asked_for() -> None:
    assert Kept().fields() == []
    assert Kept(5).fields() == [("Range", "bytes=5-")]
    assert Kept(5, TAG).fields() == [("Range", "bytes=5-"), ("If-Range", TAG)]


ANSWERS = {
    "the rest": (206, "bytes 5-9/10", {"etag": TAG}, Plan.APPEND),
    "the rest, of unknown length": (206, "bytes 5-9/*", {}, Plan.APPEND),
    "in capitals": (206, "Bytes 5-9/10", {}, Plan.APPEND),
    "too early": (206, "bytes 4-9/10", {}, Plan.ANEW),
    "too late": (206, "bytes 6-9/10", {}, Plan.ANEW),
    "from the beginning": (206, "bytes 0-9/10", {}, Plan.ANEW),
    "of another file": (206, "bytes 5-9/10", {"etag": '"v2"'}, Plan.ANEW),
    "of a weak tag": (206, "bytes 5-9/10", {"etag": 'W/"v1"'}, Plan.APPEND),
    "no range": (206, "", {}, Plan.ANEW),
    "another unit": (206, "lines 5-9/10", {}, Plan.ANEW),
    "several ranges": (206, "", {"content-type": "multipart/byteranges"}, Plan.ANEW),
    "all of it": (200, "", {"etag": TAG}, Plan.WHOLE),
    "complete": (416, "bytes */5", {}, Plan.COMPLETE),
    "shorter than ours": (416, "bytes */3", {}, Plan.ANEW),
    "longer, and refused": (416, "bytes */10", {}, Plan.ANEW),
    "refused without a word": (416, "", {}, Plan.ANEW),
    "as long, of another file": (416, "bytes */5", {"etag": '"v2"'}, Plan.ANEW),
    "not there": (404, "", {}, Plan.WHOLE),
}


@pytest.mark.parametrize(("status", "content_range", "more", "plan"), ANSWERS.values(), ids=ANSWERS.keys())
def test_what_is_made_of_an_answer(status: int, content_range: str, more: dict[str, str], plan: Plan) -> None:
    assert Kept(5, TAG).plan(status, {"content-range": content_range, **more}) == plan


def test_without_anything_kept_all_is_new() -> None:
    assert Kept().plan(206, {"content-range": "bytes 3-9/10"}) == Plan.WHOLE


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"etag": TAG, "last-modified": DATE}, TAG),
        ({"etag": 'W/"v1"', "last-modified": DATE}, ""),
        ({"last-modified": DATE}, DATE),
        ({"last-modified": "yesterday"}, ""),
        ({"etag": '"a b"'}, ""),
        ({"etag": '"a\x1b"'}, ""),
        ({}, ""),
    ],
)
def test_by_what_a_file_is_known(headers: dict[str, str], validator: str) -> None:
    assert validator_of(headers) == validator
