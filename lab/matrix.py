"""The NAT matrix: each pair of kinds, does it connect, in what time; beside it what theory says.

Two measurements of each pair. The lab's own probe punches holes by bare UDP, with addresses learned by asking: it shows
that the lab's NATs are what they say, and what is possible. Then the product: a reader of one kind reads a page
through a volunteer of the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from freespan.demo.errors import DemoError
from lab import measure
from lab.censor import Censor
from lab.hosts import ADDRESSES, START_SECONDS, World, volunteering, world
from lab.nat import KINDS, Kind, connects, home
from lab.net import Node
from lab.programs import Told, python

PRODUCT_SECONDS = 6.0
"""A pair that has not connected by then does not count as connecting."""
REFLEXIVE = False
"""Whether the product's two ends learn their outside addresses by STUN."""
_PUNCH_SECONDS = 12.0
_RESULTS = Path(__file__).parent / "nat-matrix.json"


@dataclass(slots=True)
class Pair:
    """One cell; times in seconds, None where it did not connect."""

    reader: str
    volunteer: str
    possible: bool
    """By theory, with STUN and without a relay."""
    punched_s: float | None
    expected: bool
    """By theory, of the product as it is."""
    first_byte_s: float | None


async def measure_matrix(words: Sequence[str]) -> int:
    """Measure pairs of the kinds in `words`, or of all; exit code 1 where theory and practice differ."""
    kinds = [KINDS[word] for word in words] or list(KINDS.values())
    pairs: list[Pair] = []
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(world(_homes(kinds), Censor()))
        await stack.enter_async_context(answering(here))
        browsers = [await stack.enter_async_context(measure.reading(here, _reader(i))) for i in range(len(kinds))]
        for column, volunteer in enumerate(kinds):
            async with volunteering(here, _volunteer(column), "headless"):
                for row, reader in enumerate(kinds):
                    pair = Pair(
                        reader.name,
                        volunteer.name,
                        connects(reader, volunteer),
                        await punched(here, _reader(row), _volunteer(column)),
                        connects(reader, volunteer, reflexive=REFLEXIVE),
                        await _read(here, _reader(row), browsers[row]),
                    )
                    pairs.append(pair)
                    print(_line(pair), flush=True)
    if not words:
        _RESULTS.write_text(json.dumps([asdict(pair) for pair in pairs], indent=2) + "\n")
    print("\n" + grid(pairs))
    wrong = [pair for pair in pairs if differs(pair)]
    print(f"{len(pairs)} pairs, {len(wrong)} of them otherwise than theory says")
    return 1 if wrong else 0


def differs(pair: Pair) -> bool:
    """Whether theory and practice disagree."""
    return (pair.punched_s is not None) != pair.possible or (pair.first_byte_s is not None) != pair.expected


def grid(pairs: Sequence[Pair]) -> str:
    """Readers down, volunteers across: `yes` read a page, `udp` could be punched but no page came, `-` neither."""
    readers, volunteers = (list(dict.fromkeys(getattr(p, end) for p in pairs)) for end in ("reader", "volunteer"))
    cells = {
        (p.reader, p.volunteer): ("yes" if p.first_byte_s is not None else "udp" if p.punched_s is not None else "-")
        + ("!" if differs(p) else "")
        for p in pairs
    }
    lines = ["reader \\ volunteer".ljust(20) + "".join(name[:15].ljust(17) for name in volunteers)]
    lines += [r.ljust(20) + "".join(cells.get((r, v), "").ljust(17) for v in volunteers) for r in readers]
    return "\n".join(line.rstrip() for line in lines)


@contextlib.asynccontextmanager
async def answering(here: World) -> AsyncIterator[None]:
    """Have somebody at the probe's addresses who answers; see `probe.py`."""
    async with AsyncExitStack() as stack:
        addresses = ADDRESSES["probe"]
        for pair in (addresses[:2], addresses[2:]):
            server = here.running("probe", "probe", [*python("lab.probe"), "serve", *pair])
            program = await stack.enter_async_context(server)
            await program.event(lambda event: event.get("event") == "ready", START_SECONDS, "ready")
        yield


async def punched(here: World, one: str, other: str) -> float | None:
    """Punch a hole between two nodes; seconds of the slower end, None where it failed."""
    addresses = [ADDRESSES["probe"][0], ADDRESSES["probe"][2]]
    command = [*python("lab.probe"), "punch", *addresses]
    async with here.running(one, "probe", command) as first, here.running(other, "probe", command) as second:
        candidates = await asyncio.gather(*(_event(end, "candidates") for end in (first, second)))
        await asyncio.gather(first.tell(candidates[1]), second.tell(candidates[0]))
        seconds = await asyncio.gather(*(_event(end, "seconds") for end in (first, second)))
    return max((float(each) for each in seconds), default=None) if None not in seconds else None


async def _event(program: Told, key: str) -> Any:
    return (await program.event(lambda event: key in event, _PUNCH_SECONDS, key))[key]


async def _read(here: World, node: str, browser: Told) -> float | None:
    async with measure.connecting(here, node) as (client, proxy):
        with contextlib.suppress(DemoError):
            return (await measure.first_page(client, browser, proxy, seconds=PRODUCT_SECONDS))[0]
    return None


def _homes(kinds: Sequence[Kind]) -> list[Node]:
    nodes: list[Node] = []
    for i, kind in enumerate(kinds):
        nodes += home(kind, _reader(i), 2 * i + 1, "border")
        nodes += home(kind, _volunteer(i), 2 * i + 2, "internet")
    return nodes


def _reader(number: int) -> str:
    return f"reader{number}"


def _volunteer(number: int) -> str:
    return f"helper{number}"


def _line(pair: Pair) -> str:
    punch = "-" if pair.punched_s is None else f"{pair.punched_s:.2f} s"
    page = "-" if pair.first_byte_s is None else f"{pair.first_byte_s:.2f} s"
    theory = "possible" if pair.possible else "impossible"
    wrong = "   (otherwise than theory)" if differs(pair) else ""
    return f"{pair.reader:16} {pair.volunteer:16} {theory:11} udp {punch:8} freespan {page:8}{wrong}"
