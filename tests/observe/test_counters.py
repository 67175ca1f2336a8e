import asyncio
import re

import pytest

from freespan.observe.counters import HostCounters
from freespan.observe.host_status import HostStatus
from freespan.observe.ledger import Ledger
from tests.support.virtual_time import run


@pytest.fixture
def counters() -> HostCounters:
    return HostCounters()


def test_all_begins_with_nothing(counters: HostCounters) -> None:
    assert counters.figures() == HostStatus(bridges=0, sessions=0, streams=0, megabytes=0)


def test_figures_are_sums_of_now(counters: HostCounters) -> None:
    counters.bridges.inc(3)
    counters.sessions.inc()
    counters.streams.inc(2)
    counters.streams.dec()
    counters.transferred.labels("upload").inc(1_500_000)
    counters.transferred.labels("download").inc(2_600_000)
    assert counters.figures() == HostStatus(bridges=3, sessions=1, streams=1, megabytes=4)


def test_two_hosts_in_one_process_count_apart(counters: HostCounters) -> None:
    HostCounters().bridges.inc()
    assert counters.figures().bridges == 0


def test_the_exposition_is_prometheus_text_of_freespan_alone(counters: HostCounters) -> None:
    counters.rendezvous.labels("answered").inc(8)
    counters.refused.labels("dns_error").inc(8)
    counters.publish()
    text = counters.exposition().decode()
    assert 'freespan_rendezvous_total{outcome="answered"} 8.0' in text
    assert 'freespan_refused_streams_total{error="dns_error"} 8.0' in text
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    assert all(name.startswith("freespan_") for name in names)


def test_no_label_could_name_anybody(counters: HostCounters) -> None:
    counters.rendezvous.labels("answered").inc(8)
    counters.transferred.labels("upload").inc()
    counters.refused.labels("dns_error").inc(8)
    counters.publish()
    assert set(re.findall(r"(\w+)=\"", counters.exposition().decode())) == {"outcome", "direction", "error"}


def one_more_reader(counters: HostCounters, ledger: Ledger) -> None:
    """Change everything that counts readers, and nothing else."""
    counters.sessions.inc()
    counters.rendezvous.labels("answered").inc()
    counters.rendezvous.labels("no_bridge").inc()
    counters.refused.labels("dns_error").inc()
    ledger.ended += 1
    ledger.account(None).report(240_000)  # a session that carries nothing yet


def test_what_counts_readers_changes_every_ten_minutes_in_steps_of_8() -> None:
    """Not even the name of an outcome appears before, and no time at which something was counted first."""

    async def watch() -> list[tuple[int, bytes]]:
        counters, ledger = HostCounters(), Ledger()
        counters.watch_memory(ledger)
        publishing = asyncio.create_task(counters.publish_regularly(), name="publishing")
        seen = [(0, counters.exposition())]
        for minute in range(1, 21):
            await asyncio.sleep(60)
            one_more_reader(counters, ledger)
            seen.append((minute, counters.exposition()))
        publishing.cancel()
        return seen

    seen = run(watch())
    nobody = seen[0][1]
    assert [minute for minute, text in seen if text == nobody] == list(range(10))
    changed = next(text for minute, text in seen if minute == 10)
    assert [minute for minute, text in seen if text == changed] == list(range(10, 20))
    added = set(changed.decode().splitlines()) - set(nobody.decode().splitlines())
    assert added == {
        "freespan_sessions 8.0",
        "freespan_ended_for_memory 8.0",
        'freespan_rendezvous_total{outcome="answered"} 8.0',
        'freespan_rendezvous_total{outcome="no_bridge"} 8.0',
        'freespan_refused_streams_total{error="dns_error"} 8.0',
    }
    assert "freespan_sessions 16.0" in seen[20][1].decode()


def test_what_is_held_is_told_in_steps_of_many_sessions() -> None:
    """Each session holds some 230 kB as soon as it is there: exact bytes would count readers one by one."""
    counters, ledger = HostCounters(), Ledger()
    counters.watch_memory(ledger)
    account = ledger.account(None)
    published = []
    for sessions in (1, 60, 100, 170):
        account.report(sessions * 230_000)
        counters.publish()
        published.append(counters.registry.get_sample_value("freespan_held_bytes"))
    assert published == [0, 0, 1 << 24, 2 << 24]


def test_no_moment_is_published(counters: HostCounters) -> None:
    """prometheus-client adds the time at which each label was first used."""
    counters.transferred.labels("upload").inc()
    counters.refused.labels("dns_error").inc(8)
    counters.publish()
    assert "_created" not in counters.exposition().decode()
