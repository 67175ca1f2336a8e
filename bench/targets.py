"""The targets of the figures, and whether they are met."""

from __future__ import annotations

from dataclasses import dataclass

from bench.figures import Value

_LIMITS = {
    "connect_first_byte_s": 0.10,
    "connect_first_byte_chromium_s": 0.10,
    "client_start_s": 0.4,
    "warm_first_byte_s": 0.004,
    "invite_check_us": 100.0,
    "switch_gzip_bytes": 12_000,
    "bridge_gzip_bytes": 15_000,
    "globe_gzip_bytes": 40_000,
    "chromium_cpu_s_per_100mb": 12.0,
    "firefox_cpu_s_per_100mb": 12.0,
    "page_main_thread_ms_per_100mb": 5.0,
    "switch_inp_ms": 200.0,
    "kill_pause_median_s": 0.3,
    "kill_pause_worst_s": 1.0,
    "kill_wrong_bytes": 0,
    "only_wrong_bytes": 0,
    "broker_20000_p99_ms": 50.0,
    "broker_bridge_kb": 25.0,
    "broker_vanish_worst_ms": 2_000.0,
    "broker_vanish_clean_s": 5.0,
    "loop_block_max_ms": 50.0,
    "soak_rss_ratio_host": 1.1,
    "soak_rss_ratio_client": 1.1,
    "soak_rss_ratio_bridge": 1.1,
    "soak_broken": 0,
}
_FLOOD_LIMITS = {"_page_ratio": 2.0, "_broken": 0}
"""By the end of the figure's name; the rest is the name of an attack."""
_LEAST = {"sealed_rendezvous_s": 600.0, "bond_4x2_ratio": 3.4, "bond_mixed_ratio": 0.85}
_SHARES = {"chromium": 0.90, "firefox": 0.80, "headless": 0.70}
_REPLACED_S = 1.0
"""In addition to the set-up of a link."""
_HEADLESS_MB_S, _WHERE_RAW_REACHES = 30.0, 50.0
_CPU_SUM_S = 7.0
_PAGE_HTTP_TO_SOCKS = 1.2
"""A page through HTTP may take so many times as long as through SOCKS5."""


@dataclass(frozen=True)
class Verdict:
    """A figure against its target; `met` is None where it was not measured."""

    name: str
    value: str
    target: str
    met: bool | None


def verdicts(values: dict[str, Value]) -> list[Verdict]:
    """Return one verdict for each target whose figure was measured."""
    found = [verdict for kind, share in _SHARES.items() if (verdict := _share(values, kind, share))]
    headless, raw = values.get("headless_mb_s"), values.get("headless_raw_mb_s")
    if isinstance(headless, float) and isinstance(raw, float) and raw >= _WHERE_RAW_REACHES:
        found.append(Verdict("headless_mb_s", f"{headless:g}", f"≥ {_HEADLESS_MB_S:g}", headless >= _HEADLESS_MB_S))
    for name, limit in (_LIMITS | _flood_limits(values)).items():
        value = values.get(name)
        if isinstance(value, float | int):
            found.append(Verdict(name, f"{value:g}", f"≤ {limit:g}", value <= limit))
        elif name in values:
            found.append(Verdict(name, "–", f"≤ {limit:g}", None))
    for name, least in _LEAST.items():
        value = values.get(name)
        if isinstance(value, float):
            found.append(Verdict(name, f"{value:g}", f"≥ {least:g}", value >= least))
    pause, set_up = values.get("replacement_pause_s"), values.get("link_setup_s")
    if isinstance(pause, float) and isinstance(set_up, float):
        limit = _REPLACED_S + set_up
        found.append(Verdict("replacement_pause_s", f"{pause:g}", f"≤ {limit:g}", pause <= limit))
    found += [_vital(name, value) for name, value in values.items() if isinstance(value, dict) and "noise" in value]
    found += _page(values)
    cpu = values.get("cpu_s_per_100mb")
    if isinstance(cpu, dict):
        used = sum(cpu.values())
        found.append(Verdict("cpu_s_per_100mb, sum", f"{used:.2f}", f"≤ {_CPU_SUM_S:g}", used <= _CPU_SUM_S))
    return found


def _flood_limits(values: dict[str, Value]) -> dict[str, float]:
    return {
        name: limit
        for name in values
        for end, limit in _FLOOD_LIMITS.items()
        if name.startswith("flood_") and name.endswith(end)
    }


def _share(values: dict[str, Value], kind: str, share: float) -> Verdict | None:
    session, raw = values.get(f"{kind}_mb_s"), values.get(f"{kind}_raw_mb_s")
    if f"{kind}_mb_s" not in values:
        return None
    name, target = f"{kind}: session / raw", f"≥ {share:.2f}"
    if not isinstance(session, float) or not isinstance(raw, float):
        return Verdict(name, "–", target, None)
    return Verdict(name, f"{session / raw:.2f}", target, session / raw >= share)


def _page(values: dict[str, Value]) -> list[Verdict]:
    http, socks = values.get("page_200_http_ratio"), values.get("page_200_socks_ratio")
    if not isinstance(http, dict) or not isinstance(socks, dict):
        return []
    quotients = {distance: http[distance] / socks[distance] for distance in http}
    target = f"≤ {_PAGE_HTTP_TO_SOCKS:g}"
    return [
        Verdict(f"page_200, {distance}: HTTP / SOCKS5", f"{quotient:.2f}", target, quotient <= _PAGE_HTTP_TO_SOCKS)
        for distance, quotient in quotients.items()
    ]


def _vital(name: str, value: dict[str, float]) -> Verdict:
    """Compare a page with the switch with the same page without it: it may be worse only by as much as chance."""
    worse = value["with"] - value["without"]
    return Verdict(f"{name}: with - without", f"{worse:+.4g}", f"≤ noise {value['noise']:.4g}", worse <= value["noise"])
