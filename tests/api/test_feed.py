"""How statuses reach those who follow them."""

from __future__ import annotations

import asyncio
import gc

import pytest

from freespan.api.feed import Feed


async def test_a_follower_gets_the_latest_and_all_that_follow() -> None:
    feed: Feed[int] = Feed()
    early = feed.follow()
    feed.publish(1)
    late = feed.follow()
    feed.publish(2)
    feed.end()
    assert [status async for status in early] == [1, 2]
    assert [status async for status in late] == [1, 2]
    assert [status async for status in feed.follow()] == [2]


async def test_a_follower_waits_for_the_next() -> None:
    feed: Feed[int] = Feed()
    waiting = asyncio.create_task(anext(feed.follow()), name="follower")
    await asyncio.sleep(0)
    assert not waiting.done()
    feed.publish(1)
    assert await waiting == 1


async def test_a_cancelled_wait_loses_nothing() -> None:
    feed: Feed[int] = Feed()
    following = feed.follow()
    waiting = asyncio.create_task(anext(following), name="follower")
    await asyncio.sleep(0)
    waiting.cancel()
    feed.publish(1)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await anext(following) == 1


async def test_a_slow_follower_misses_the_oldest() -> None:
    feed: Feed[int] = Feed()
    following = feed.follow()
    for number in range(1_000):
        feed.publish(number)
    feed.end()
    assert [status async for status in following] == list(range(1_000 - 64, 1_000))


async def test_an_error_comes_last() -> None:
    feed: Feed[int] = Feed()
    following = feed.follow()
    feed.publish(1)
    feed.end(ValueError("gone"))
    feed.end()
    assert await anext(following) == 1
    for each in (following, following):
        with pytest.raises(ValueError, match="gone"):
            await anext(each)


async def test_forgotten_followers_are_not_kept() -> None:
    feed: Feed[int] = Feed()
    for _ in range(10):
        feed.follow()
    gc.collect()
    assert len(feed._followers) == 0
