"""Turns: who comes next, and how much of the CPU each source has. Steps are counted, and nothing is timed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

from freespan.link.memory import memory_pair
from freespan.link.turns import STEP_SECONDS, Group, Share, Turns
from freespan.tunnel.drain import DrainWaiters
from freespan.tunnel.driver import QuicDriver


async def first_steps(shares: Mapping[str, Share], count: int) -> Counter[str]:
    """Let all shares work without an end, and count whose the first steps are."""
    done: Counter[str] = Counter()
    over = asyncio.Event()

    def begin(name: str, share: Share) -> None:
        def step() -> bool:
            if over.is_set():
                return False
            done[name] += 1
            share.charge(STEP_SECONDS)
            if done.total() == count:
                over.set()
            return True

        share.work(step)

    for name, share in shares.items():
        begin(name, share)
    async with asyncio.timeout(20):
        await over.wait()
    return done


def sessions(group: Group, name: str, count: int) -> dict[str, Share]:
    return {f"{name} {number}": group.share() for number in range(count)}


def total(done: Counter[str], name: str) -> int:
    return sum(steps for key, steps in done.items() if key.startswith(name))


async def test_sessions_take_turns() -> None:
    done = await first_steps(sessions(Turns(), "session", 4), 400)
    assert set(done.values()) <= {99, 100, 101}


async def test_many_sessions_of_one_source_have_no_more_than_one_of_another() -> None:
    turns = Turns()
    shares = sessions(turns.group("greedy"), "greedy", 30) | sessions(turns.group("reader"), "reader", 1)
    done = await first_steps(shares, 600)
    assert abs(done["reader 0"] - 300) <= 2
    assert all(abs(done[f"greedy {number}"] - 10) <= 1 for number in range(30))


async def test_a_group_counts_for_its_members_as_far_as_it_may() -> None:
    turns = Turns()
    bridge = turns.group("bridge", 3.0)
    shares = sessions(bridge, "bridge", 6) | sessions(turns.group("other"), "other", 1)
    done = await first_steps(shares, 400)
    assert abs(total(done, "bridge") - 300) <= 8


async def test_a_group_counts_for_no_more_than_its_members() -> None:
    turns = Turns()
    shares = sessions(turns.group("bridge", 64.0), "bridge", 1) | sessions(turns.group("other"), "other", 1)
    done = await first_steps(shares, 400)
    assert abs(total(done, "bridge") - 200) <= 4


async def test_the_hosts_of_one_network_share_what_it_may_count_for() -> None:
    turns = Turns()
    network = turns.group("network", 2.0)
    shares = sessions(turns.group("reader"), "reader", 1)
    for host in range(20):
        shares |= sessions(network.group(host), f"network {host}", 2)
    done = await first_steps(shares, 600)
    assert abs(done["reader 0"] - 200) <= 8


async def test_sources_without_sessions_are_forgotten() -> None:
    turns = Turns()
    share = turns.group("network", 4.0).group("host").share()
    await first_steps({"one": share}, 5)
    await asyncio.sleep(0)
    assert list(turns._groups or ()) == ["network"]
    del share
    await asyncio.sleep(0.01)
    assert list(turns._groups or ()) == []


async def test_a_share_that_works_again_does_not_make_up_for_its_rest() -> None:
    turns = Turns()
    rested, busy = turns.group("rested").share(), turns.group("busy").share()
    await first_steps({"busy": busy}, 500)
    done = await first_steps({"rested": rested, "busy": busy}, 100)
    assert abs(done["rested"] - 50) <= 2


async def test_sessions_that_begin_while_nobody_works_take_turns_as_well() -> None:
    turns = Turns()
    links = [memory_pair()[0] for _ in range(2)]
    drivers = [QuicDriver(link, lambda event: None, DrainWaiters(1), turns=turns) for link in links]
    assert all(driver._share._turns is turns for driver in drivers)
    for driver in drivers:
        driver.close("the test is over")


async def test_shares_that_are_alone_at_first_take_turns_with_those_that_come() -> None:
    """With one share at work its groups have no queues; the others come while it works, or before it has begun."""
    turns = Turns()
    host = turns.group("network", 4.0).group("host")
    first, second, third = host.share(), turns.group("other").share(), host.share()
    done: Counter[str] = Counter()
    over = asyncio.Event()

    def begin(name: str, share: Share) -> None:
        def step() -> bool:
            done[name] += 1
            share.charge(STEP_SECONDS)
            if name == "first" and done["first"] == 50:
                begin("second", second)
                begin("third", third)
            if done.total() == 250:
                over.set()
            return not over.is_set()

        share.work(step)

    begin("first", first)
    async with asyncio.timeout(20):
        await over.wait()
    assert abs(done["second"] - 100) <= 2
    assert abs(done["third"] - 50) <= 2


async def test_a_share_that_is_always_alone_advances_the_clocks_of_its_groups() -> None:
    turns = Turns()
    busy = turns.group("busy").share()
    for _ in range(50):
        await first_steps({"busy": busy}, 1)
        await asyncio.sleep(0)
    newcomer = turns.group("new").share()
    assert newcomer._group.had >= busy._group.had - 2 * STEP_SECONDS
