"""A host gives memory back when its sessions have ended."""

from __future__ import annotations

import sys

import pytest

from freespan.api.allocator import Falls, _malloc_trim


def test_memory_is_given_back_after_the_ledger_has_fallen_by_much() -> None:
    falls = Falls(32)
    assert not any(falls.has_fallen(held) for held in (100, 300, 290, 260, 230))
    assert falls.has_fallen(225)
    assert not any(falls.has_fallen(held) for held in (225, 200, 180))
    assert falls.has_fallen(0)
    assert not any(falls.has_fallen(held) for held in (40, 9))
    assert falls.has_fallen(8)
    assert not falls.has_fallen(0)


@pytest.mark.skipif(sys.platform != "linux", reason="this allocator is that of Linux")
def test_the_allocator_can_be_told() -> None:
    trim = _malloc_trim()
    if trim is not None:  # musl has none
        trim()
