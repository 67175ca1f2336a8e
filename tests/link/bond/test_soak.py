"""A thousand deaths: no byte lost, doubled or moved, and no memory kept."""

import asyncio
import gc
import sys
from random import Random

from freespan.wire.limits import DATAGRAM_SIZE
from tests.support.bonds import Bonds, Owner
from tests.support.link_paths import Path
from tests.support.virtual_time import run

KILLS = 1_000


def a_path(random: Random) -> Path:
    return Path(rate=random.uniform(3e5, 2e6), min_rtt=random.uniform(0.01, 0.15))


def kill(random: Random, bonds: Bonds, number: int) -> None:
    path = bonds.paths.pop(number)
    after = random.choice([0.0, 0.001, 0.02])
    match random.randrange(5):
        case 0:
            path.die(after, None)
        case 1:
            path.die(None, after)
        case 2:
            path.die(after, after)
        case 3:
            path.ends[random.randrange(2)].close()
        case 4:
            path.die(None, None)


def keep_sending(owner: Owner) -> None:
    owner.arrivals.clear()
    owner.send(200 - owner.to_send)


async def all_came(bonds: Bonds) -> None:
    bonds.join(Path(4e6, 0.03))
    for owner, other in (bonds.owners(), bonds.owners()[::-1]):
        await owner.until_received_all(other)


async def blocks(bonds: Bonds) -> int:
    """Blocks of memory in use when everything has come."""
    await all_came(bonds)
    await asyncio.sleep(20)  # what died in silence is given up
    for owner in bonds.owners():
        owner.arrivals.clear()
    gc.collect()
    return sys.getallocatedblocks()


async def soak(random: Random, kills: int) -> tuple[int, list[int]]:
    """Returns how many packets came, and the memory in use after each fifth of the kills."""
    bonds = Bonds()
    await bonds.open(a_path(random), lambda number: (DATAGRAM_SIZE, 900, 40)[number % 3])
    memory: list[int] = []
    killed = 0
    while killed < kills:
        if killed >= len(memory) * kills // 5:
            memory.append(await blocks(bonds))
        while len(bonds.paths) < 3 and len(bonds.client.stats().links) < 16:  # of some deaths nobody knows yet
            bonds.join(a_path(random))
        for owner in bonds.owners():
            keep_sending(owner)
        await asyncio.sleep(random.choice([0.01, 0.05, 0.1, 0.3]))
        bonds.events.events.clear()
        bonds.egress_events.events.clear()
        for _ in range(random.choice([1, 1, 1, 2, 3])):
            if bonds.paths:
                kill(random, bonds, random.choice(list(bonds.paths)))
                killed += 1
    memory.append(await blocks(bonds))
    received = sum(owner.received for owner in bonds.owners())
    await bonds.close()
    return received, memory


def test_a_thousand_kills_lose_no_byte_and_keep_no_memory() -> None:
    received, memory = run(soak(Random(5), KILLS))
    assert received > 5 * KILLS
    assert max(memory[2:]) <= memory[1] + 3_000  # a link that is not forgotten has about thirty blocks
