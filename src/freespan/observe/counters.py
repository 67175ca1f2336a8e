"""The counters of a host: sums only, and no label that could identify a reader."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from freespan.observe.host_status import HostStatus
from freespan.observe.ledger import Ledger


class HostCounters:
    """The counters of one `freespan serve`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.bridges = self._gauge("bridges", "Bridges connected to the broker")
        self.sessions = self._gauge("sessions", "Sessions open at the egress")
        self.streams = self._gauge("streams", "Streams open at the egress")
        self.rendezvous = self._counter("rendezvous", "Rendezvous by outcome", ("outcome",))
        self.transferred = self._counter(
            "transferred_bytes", "Bytes copied between streams and targets", ("direction",)
        )
        self.refused = self._counter("refused_streams", "Streams that were not opened, by RFC 9209 error", ("error",))

    def watch_memory(self, ledger: Ledger) -> None:
        """Report what a ledger counts."""
        held = self._gauge("held_bytes", "Bytes held for bridges and readers")
        held.set_function(lambda: ledger.total)
        ended = self._gauge("ended_for_memory", "Sessions and links ended since the start because memory was short")
        ended.set_function(lambda: ledger.ended)

    def figures(self) -> HostStatus:
        """Return the current sums."""
        return HostStatus(
            bridges=int(self._value("freespan_bridges")),
            sessions=int(self._value("freespan_sessions")),
            streams=int(self._value("freespan_streams")),
            megabytes=int((self._transferred("upload") + self._transferred("download")) / 1e6),
        )

    def exposition(self) -> bytes:
        """Return the counters in the Prometheus text format, version 0.0.4."""
        return generate_latest(self.registry)

    def _transferred(self, direction: str) -> float:
        return self._value("freespan_transferred_bytes_total", {"direction": direction})

    def _value(self, name: str, labels: dict[str, str] | None = None) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"freespan_{name}", text, registry=self.registry)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"freespan_{name}", text, labels, registry=self.registry)
