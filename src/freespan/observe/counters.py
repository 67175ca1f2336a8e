"""The counters of a host: sums only, and no label that could identify a reader.

Bytes that have passed and sockets are exact. What counts readers is published as coarse.py says, and so is what is held
in memory: each session holds a known amount, also when it carries nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from freespan.observe.coarse import CoarseCount, CoarseCounts, CoarseSettings
from freespan.observe.host_status import HostStatus
from freespan.observe.ledger import Ledger


class HostCounters:
    """The counters of one `freespan serve`."""

    def __init__(self, settings: CoarseSettings | None = None) -> None:
        self._settings = settings or CoarseSettings()
        self.registry = CollectorRegistry(auto_describe=True)
        self._coarse = _CoarseCollector(self._settings)
        self.registry.register(self._coarse)
        self.bridges = self._gauge("bridges", "Bridges connected to the broker")
        self.sessions = self._coarse.count("sessions", "Sessions open at the egress")
        self.streams = self._gauge("streams", "Streams open at the egress")
        self.rendezvous = self._coarse.counts("rendezvous", "Rendezvous by outcome", "outcome")
        self.transferred = self._counter(
            "transferred_bytes", "Bytes copied between streams and targets", ("direction",)
        )
        self.refused = self._coarse.counts("refused_streams", "Streams not opened, by RFC 9209 error", "error")

    def watch_memory(self, ledger: Ledger) -> None:
        """Report what a ledger counts."""
        held = "Bytes held for bridges and readers"
        self._coarse.count("held_bytes", held, lambda: ledger.total, step=self._settings.byte_step)
        ended = "Sessions and links ended since the start because memory was short"
        self._coarse.count("ended_for_memory", ended, lambda: ledger.ended)

    def figures(self) -> HostStatus:
        """Return the current sums, exactly: they are for this process alone."""
        return HostStatus(
            bridges=int(self._value("freespan_bridges")),
            sessions=int(self.sessions.exact),
            streams=int(self._value("freespan_streams")),
            megabytes=int((self._transferred("upload") + self._transferred("download")) / 1e6),
        )

    def publish(self) -> None:
        """Put the counts of readers as of this moment, rounded, into what `exposition` returns."""
        self._coarse.publish()

    async def publish_regularly(self) -> None:
        """Call `publish` every ten minutes, until cancelled."""
        while True:
            await asyncio.sleep(self._settings.seconds)
            self.publish()

    def exposition(self) -> bytes:
        """Return the counters in the Prometheus text format, version 0.0.4."""
        return generate_latest(_WithoutMoments(self.registry))

    def _transferred(self, direction: str) -> float:
        return self._value("freespan_transferred_bytes_total", {"direction": direction})

    def _value(self, name: str, labels: dict[str, str] | None = None) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"freespan_{name}", text, registry=self.registry)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"freespan_{name}", text, labels, registry=self.registry)


class _CoarseCollector(Collector):
    """Hands Prometheus what has been published of the coarse counts."""

    def __init__(self, settings: CoarseSettings) -> None:
        self._settings = settings
        self._counts: list[tuple[str, str, CoarseCount]] = []
        self._labelled: list[tuple[str, str, str, CoarseCounts]] = []

    def count(
        self, name: str, text: str, count: Callable[[], float] | None = None, *, step: int | None = None
    ) -> CoarseCount:
        made = CoarseCount(self._settings, count, step=step)
        self._counts.append((name, f"{text}; {self._how(step or self._settings.step)}", made))
        return made

    def counts(self, name: str, text: str, label: str) -> CoarseCounts:
        made = CoarseCounts(self._settings)
        self._labelled.append((name, f"{text}; {self._how(self._settings.step)}", label, made))
        return made

    def publish(self) -> None:
        for _, _, count in self._counts:
            count.publish()
        for _, _, _, counts in self._labelled:
            counts.publish()

    def collect(self) -> Iterator[Metric]:
        for name, text, count in self._counts:
            yield GaugeMetricFamily(f"freespan_{name}", text, value=count.published)
        for name, text, label, counts in self._labelled:
            family = CounterMetricFamily(f"freespan_{name}", text, labels=[label])
            for value, published in counts.published.items():
                family.add_metric([value], published)
            yield family

    def _how(self, step: int) -> str:
        return f"at least: in steps of {step}, every {self._settings.seconds:g} seconds"


class _WithoutMoments(Collector):
    """All metrics of a registry without the times at which their counters were made: when the first reader came."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric
