"""The NAT matrix: whether each pair of NAT kinds connects, how fast, and what theory says.

There are two measurements of each pair. The lab's own probe punches holes with plain UDP, which shows that the NATs of
the lab behave as described, and what is possible. Then freespan, by WebRTC alone and without TURN: a reader of one kind
reads a page through a headless volunteer of the other kind. The most common pairs are also measured with real browsers,
which hide their own addresses behind mDNS names as usual.
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
from lab.commands import python
from lab.namespaces import Node
from lab.nat import KINDS, Kind, connects, home
from lab.programs import InteractiveProgram
from lab.world import ADDRESSES, START_SECONDS, World, running_volunteer, running_world

CONNECT_SECONDS = 6.0
"""A pair that takes longer than this counts as not connecting."""
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
"""Reader and volunteer of the pairs that are measured with browsers."""
_PUNCH_SECONDS = 12.0
_RESULTS = Path(__file__).parent / "nat-matrix.json"


@dataclass(slots=True)
class Pair:
    """One cell of the matrix; times in seconds, None where the pair did not connect."""

    reader: str
    volunteer: str
    program: str
    """The volunteer's: `headless`, `chromium` or `firefox`."""
    possible: bool
    """In theory, with STUN and without TURN."""
    punched_s: float | None
    first_byte_s: float | None


async def measure_matrix(names: Sequence[str]) -> int:
    """Measure all pairs of the named kinds, or of all kinds; exit code 1 where theory and practice differ."""
    kinds = [KINDS[name] for name in names] or list(KINDS.values())
    pairs: list[Pair] = []
    async for pair in measure_pairs(kinds, every_pair(kinds)):
        pairs.append(pair)
        print(_line(pair), flush=True)
    if not names:
        _RESULTS.write_text(json.dumps([asdict(pair) for pair in pairs], indent=1) + "\n")
    print("\n" + grid(pairs))
    wrong = [pair for pair in pairs if differs(pair)]
    print(f"{len(pairs)} pairs; theory and practice differ in {len(wrong)}")
    return 1 if wrong else 0


def every_pair(kinds: Sequence[Kind]) -> list[tuple[str, str, str]]:
    """Return reader, volunteer and the volunteer's program of all pairs, grouped by volunteer."""
    names = [kind.name for kind in kinds]
    headless = [(reader, volunteer, "headless") for volunteer in names for reader in names]
    common = sorted((volunteer, reader) for reader, volunteer in COMMON if {reader, volunteer} <= set(names))
    return headless + [(reader, volunteer, browser) for browser in BROWSERS for volunteer, reader in common]


async def measure_pairs(kinds: Sequence[Kind], pairs: Sequence[tuple[str, str, str]]) -> AsyncIterator[Pair]:
    """Run one world with a reader and a volunteer of each kind, and measure pairs in it."""
    places = {kind.name: i for i, kind in enumerate(kinds)}
    punches: dict[tuple[str, str], float | None] = {}
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(running_world(_homes(kinds)))
        await stack.enter_async_context(running_probe_servers(here))
        downloaders: dict[str, InteractiveProgram] = {}
        for (volunteer, program), group in itertools.groupby(pairs, lambda pair: pair[1:]):
            async with running_volunteer(here, _volunteer(places[volunteer]), program):
                for reader, _, _ in group:
                    node = _reader(places[reader])
                    if node not in downloaders:
                        downloaders[node] = await stack.enter_async_context(measure.running_downloader(here, node))
                    if (reader, volunteer) not in punches:
                        punches[reader, volunteer] = await punched(here, node, _volunteer(places[volunteer]))
                    yield Pair(
                        reader,
                        volunteer,
                        program,
                        connects(KINDS[reader], KINDS[volunteer]),
                        punches[reader, volunteer],
                        await _read(here, node, downloaders[node]),
                    )


def differs(pair: Pair) -> bool:
    """Return whether theory and practice differ."""
    return (pair.punched_s is not None) != pair.possible or (pair.first_byte_s is not None) != pair.possible


def grid(pairs: Sequence[Pair]) -> str:
    """Return the matrix as text, a row for each reader and a column for each headless volunteer.

    `yes`: a page was read. `udp`: plain UDP got through, but freespan did not. `-`: neither did. An exclamation mark:
    theory and practice differ. A line for each pair with a browser follows.
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
async def running_probe_servers(here: World) -> AsyncIterator[None]:
    """Run the servers of `nat_probe` at the addresses of the node `probe` for the length of the block."""
    async with AsyncExitStack() as stack:
        addresses = ADDRESSES["probe"]
        for pair in (addresses[:2], addresses[2:]):
            server = here.running("probe", "probe", [*python("lab.nat_probe"), "serve", *pair])
            program = await stack.enter_async_context(server)
            await program.event(lambda event: event.get("event") == "ready", START_SECONDS, "ready")
        yield


async def punched(here: World, one: str, other: str) -> float | None:
    """Punch a hole between two nodes; returns the seconds of the slower end, or None if it failed."""
    addresses = [ADDRESSES["probe"][0], ADDRESSES["probe"][2]]
    command = [*python("lab.nat_probe"), "punch", *addresses]
    async with here.running(one, "probe", command) as first, here.running(other, "probe", command) as second:
        candidates = await asyncio.gather(*(_event(end, "candidates") for end in (first, second)))
        await asyncio.gather(first.send(candidates[1]), second.send(candidates[0]))
        seconds = await asyncio.gather(*(_event(end, "seconds") for end in (first, second)))
    return max((float(each) for each in seconds), default=None) if None not in seconds else None


async def _event(program: InteractiveProgram, key: str) -> Any:
    return (await program.event(lambda event: key in event, _PUNCH_SECONDS, key))[key]


async def _read(here: World, node: str, downloader: InteractiveProgram) -> float | None:
    async with measure.running_client(here, node, "--transport", "webrtc") as (client, proxy):
        with contextlib.suppress(DemoError):
            return (await measure.first_page(client, downloader, proxy, seconds=CONNECT_SECONDS))[0]
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
    wrong = "   (differs from theory)" if differs(pair) else ""
    return f"{pair.reader:16} {pair.volunteer:16} {pair.program:9} {theory:11} udp {punch:8} freespan {page:8}{wrong}"
