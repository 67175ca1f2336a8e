"""The NAT matrix: each pair of kinds, does it connect, in what time; beside it what theory says.

Two measurements of each pair. The lab's own probe punches holes by bare UDP, with addresses learned by asking: it shows
that the lab's NATs are what they say, and what is possible. Then the product, by WebRTC alone and without a relay: a
reader of one kind reads a page through a headless volunteer of the other; for the commonest pairs through real browsers
too, whose own addresses are hidden behind mDNS names, as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from freespan.demo.errors import DemoError
from lab import measure
from lab.hosts import ADDRESSES, START_SECONDS, World, volunteering, world
from lab.nat import KINDS, Kind, connects, home
from lab.net import Node
from lab.programs import Told, python

PRODUCT_SECONDS = 6.0
"""A pair that has not connected by then does not count as connecting."""
BROWSERS = ("chromium", "firefox")
COMMON = (
    ("port-restricted", "port-restricted"),
    ("port-restricted", "open"),
    ("open", "port-restricted"),
    ("port-restricted", "carrier"),
    ("carrier", "port-restricted"),
    ("symmetric", "open"),
    ("open", "symmetric"),
)
"""Pairs that are measured with browsers: reader, volunteer."""
_PUNCH_SECONDS = 12.0
_RESULTS = Path(__file__).parent / "nat-matrix.json"


@dataclass(slots=True)
class Pair:
    """One cell; times in seconds, None where it did not connect."""

    reader: str
    volunteer: str
    program: str
    """The volunteer's: `headless`, `chromium` or `firefox`."""
    possible: bool
    """By theory, with STUN and without a relay."""
    punched_s: float | None
    first_byte_s: float | None


async def measure_matrix(words: Sequence[str]) -> int:
    """Measure pairs of the kinds in `words`, or of all; exit code 1 where theory and practice differ."""
    kinds = [KINDS[word] for word in words] or list(KINDS.values())
    pairs: list[Pair] = []
    async for pair in measured(kinds, every_pair(kinds)):
        pairs.append(pair)
        print(_line(pair), flush=True)
    if not words:
        _RESULTS.write_text(json.dumps([asdict(pair) for pair in pairs], indent=1) + "\n")
    print("\n" + grid(pairs))
    wrong = [pair for pair in pairs if differs(pair)]
    print(f"{len(pairs)} pairs, {len(wrong)} of them otherwise than theory says")
    return 1 if wrong else 0


def every_pair(kinds: Sequence[Kind]) -> list[tuple[str, str, str]]:
    """Reader, volunteer and the volunteer's program of all that is measured; those of one volunteer together."""
    names = [kind.name for kind in kinds]
    headless = [(reader, volunteer, "headless") for volunteer in names for reader in names]
    common = sorted((volunteer, reader) for reader, volunteer in COMMON if {reader, volunteer} <= set(names))
    return headless + [(reader, volunteer, browser) for browser in BROWSERS for volunteer, reader in common]


async def measured(kinds: Sequence[Kind], pairs: Sequence[tuple[str, str, str]]) -> AsyncIterator[Pair]:
    """Build one world with a reader and a volunteer of each kind, and measure pairs in it."""
    places = {kind.name: i for i, kind in enumerate(kinds)}
    punches: dict[tuple[str, str], float | None] = {}
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(world(_homes(kinds)))
        await stack.enter_async_context(answering(here))
        browsers: dict[str, Told] = {}
        for (volunteer, program), group in itertools.groupby(pairs, lambda pair: pair[1:]):
            async with volunteering(here, _volunteer(places[volunteer]), program):
                for reader, _, _ in group:
                    node = _reader(places[reader])
                    if node not in browsers:
                        browsers[node] = await stack.enter_async_context(measure.reading(here, node))
                    if (reader, volunteer) not in punches:
                        punches[reader, volunteer] = await punched(here, node, _volunteer(places[volunteer]))
                    yield Pair(
                        reader,
                        volunteer,
                        program,
                        connects(KINDS[reader], KINDS[volunteer]),
                        punches[reader, volunteer],
                        await _read(here, node, browsers[node]),
                    )


def differs(pair: Pair) -> bool:
    """Whether theory and practice disagree."""
    return (pair.punched_s is not None) != pair.possible or (pair.first_byte_s is not None) != pair.possible


def grid(pairs: Sequence[Pair]) -> str:
    """Readers down, headless volunteers across: `yes` read a page, `udp` was punched but no page came, `-` neither.

    A line for each pair with a browser follows.
    """
    browsers = [_line(pair) for pair in pairs if pair.program != "headless"]
    pairs = [pair for pair in pairs if pair.program == "headless"]
    readers, volunteers = (list(dict.fromkeys(getattr(p, end) for p in pairs)) for end in ("reader", "volunteer"))
    cells = {
        (p.reader, p.volunteer): ("yes" if p.first_byte_s is not None else "udp" if p.punched_s is not None else "-")
        + ("!" if differs(p) else "")
        for p in pairs
    }
    lines = ["reader \\ volunteer".ljust(20) + "".join(name[:15].ljust(17) for name in volunteers)]
    lines += [r.ljust(20) + "".join(cells.get((r, v), "").ljust(17) for v in volunteers) for r in readers]
    return "\n".join(line.rstrip() for line in [*lines, "", *browsers])


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
    async with measure.connecting(here, node, "--transport", "webrtc") as (client, proxy):
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
    return f"{pair.reader:16} {pair.volunteer:16} {pair.program:9} {theory:11} udp {punch:8} freespan {page:8}{wrong}"
