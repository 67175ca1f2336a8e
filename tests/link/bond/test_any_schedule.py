"""Whatever happens to links: every packet once, in order, within the bounds, and to the end while one link lives."""

import asyncio
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freespan.wire.limits import BOND_SPAN_MAX, CWND_MAX, DATAGRAM_SIZE, PIPE_WAITING_MAX
from tests.support.bonds import Bonds
from tests.support.link_paths import Path
from tests.support.virtual_time import run

SIZES = (DATAGRAM_SIZE, DATAGRAM_SIZE, 40, DATAGRAM_SIZE, 1_200, 9)
MUST_END_SECONDS = 40.0
"""Longer than it takes to give up links of whose death nobody told (15 s), and to send again what they had."""


def size_of(number: int) -> int:
    return SIZES[number % len(SIZES)]


KINDS = (
    *(
        "join",
        "join",
        "close",
        "egress notices",
        "client notices",
        "nobody notices",
        "freeze",
        "thaw",
        "crawl",
        "remove",
    ),
    *("down", "up", "both", "small"),
)


@dataclass(frozen=True)
class Event:
    """Something happens `after` so many seconds; `which` chooses among the links that there are."""

    after: float
    kind: str
    which: int
    amount: float


events = st.builds(
    Event,
    st.sampled_from([0.0, 0.001, 0.02, 0.1, 0.4, 1.0, 3.0]),
    st.sampled_from(KINDS),
    st.integers(0, 7),
    st.floats(0, 1),
)


def path_of(amount: float) -> Path:
    return Path(rate=2e5 + amount * 2e7, min_rtt=0.002 + 0.5 * (1 - amount) ** 3)


class World:
    """Two bonds, and what happens to them."""

    def __init__(self, bonds: Bonds) -> None:
        self.bonds = bonds

    def live(self) -> list[int]:
        return [number for number, path in self.bonds.paths.items() if not any(end.ended for end in path.ends)]

    def happen(self, event: Event) -> None:
        bonds = self.bonds
        if event.kind == "join":
            if len(self.live()) < 8:
                bonds.join(path_of(event.amount))
        elif event.kind in ("down", "both"):
            bonds.of_egress.send(1 + int(event.amount * 60))
        if event.kind in ("up", "both"):
            bonds.of_client.send(1 + int(event.amount * 60))
        if event.kind == "small":  # what does not wait for credit
            for owner in bonds.owners():
                if size_of(owner.sent) < 2_000:
                    owner.send_one()
        if live := self.live():
            self._happen_to(live[event.which % len(live)], event)

    def _happen_to(self, number: int, event: Event) -> None:
        path = self.bonds.paths[number]
        match event.kind:
            case "close":
                path.ends[event.which % 2].close()
            case "egress notices":
                path.die(None, 0.001)
            case "client notices":
                path.die(0.001, None)
            case "nobody notices":
                path.die(None, None)
            case "freeze":
                path.freeze()
            case "thaw":
                path.thaw()
            case "crawl":
                path.slow_down(2e4 + event.amount * 1e5)
            case "remove":
                self.bonds.client.remove(number)

    def check_bounds(self) -> None:
        for bond in (self.bonds.client, self.bonds.egress):
            report = bond.stats()
            assert report.held_cost <= BOND_SPAN_MAX
            assert report.unacked_cost <= BOND_SPAN_MAX + PIPE_WAITING_MAX
            assert all(0 <= link.in_flight <= CWND_MAX + 200_000 for link in report.links)
        for owner in self.bonds.owners():
            assert owner.closed_reason is None


async def live_through(schedule: list[Event]) -> None:
    bonds = Bonds()
    await bonds.open(Path(4e6, 0.03), size_of)
    world = World(bonds)
    for event in schedule:
        await asyncio.sleep(event.after)
        world.happen(event)
        world.check_bounds()
    for path in bonds.paths.values():
        path.thaw()  # those that died stay dead
    bonds.join(Path(4e6, 0.03))
    for owner, other in (bonds.owners(), bonds.owners()[::-1]):
        await owner.until_received_all(other, MUST_END_SECONDS)
    world.check_bounds()
    for bond in (bonds.client, bonds.egress):
        assert bond.stats().held_cost == 0
    await bonds.close()


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(events, max_size=25))
def test_any_schedule_delivers_the_exact_stream(schedule: list[Event]) -> None:
    run(live_through(schedule))
