"""The bench runs, and its results have the documented form. Tests do not judge the figures."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.plan import GROUPS

ROOT = Path(__file__).parents[2]


def run_bench(output: Path, *groups: str) -> dict[str, object]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "bench", *groups, "--quick", "--output", str(output)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert all(f"{group}: session / raw" in done.stdout for group in groups if group == "headless")
    results = json.loads(output.read_text())
    assert isinstance(results, dict)
    return results


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return run_bench(tmp_path_factory.mktemp("bench") / "results.json", "headless", "size")


def test_figures_have_the_documented_names(results: dict[str, object]) -> None:
    assert {
        "headless_mb_s",
        "headless_raw_mb_s",
        "warm_first_byte_s",
        "cpu_s_per_100mb",
        "idle_rss_mb",
        "switch_gzip_bytes",
        "bridge_gzip_bytes",
        "globe_gzip_bytes",
        "n",
        "samples",
        "machine",
    } <= set(results)


def test_objects_have_a_value_for_each_of_the_three_processes(results: dict[str, object]) -> None:
    for name in ("cpu_s_per_100mb", "idle_rss_mb"):
        value = results[name]
        assert value is None or (isinstance(value, dict) and set(value) == {"client", "bridge", "egress"})


def test_a_median_comes_with_its_samples(results: dict[str, object]) -> None:
    samples, counts = results["samples"], results["n"]
    assert isinstance(samples, dict)
    assert counts == {name: len(values) for name, values in samples.items()}
    assert {"headless_mb_s", "headless_raw_mb_s", "warm_first_byte_s"} == set(samples)


def test_results_contain_no_paths_or_addresses(results: dict[str, object]) -> None:
    text = json.dumps(results)
    assert "/" not in text
    assert "127.0.0.1" not in text
    assert "http" not in text.replace('"aiohttp"', "")


def test_every_group_can_be_chosen() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--help"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert all(group in done.stdout for group in GROUPS)


@pytest.mark.skipif("FREESPAN_BENCH" not in os.environ, reason="it waits for most of a minute: make bench-test")
def test_the_loss_of_the_only_bridge_is_measured_and_kills_are_plotted(tmp_path: Path) -> None:
    results = run_bench(tmp_path / "results.json", "only", "timeline")
    samples = results["samples"]
    assert isinstance(samples, dict)
    assert {"replacement_pause_s", "link_setup_s", "absence_60_resumes_s"} == set(samples)
    assert results["only_wrong_bytes"] == 0
    assert ElementTree.parse(tmp_path / "kills.svg").getroot() is not None


def test_the_broker_is_measured_with_its_bridges(tmp_path: Path) -> None:
    results = run_bench(tmp_path / "results.json", "broker")
    names = ("20000_p99_ms", "tls_rendezvous_s", "bridge_kb", "vanish_worst_ms", "vanish_clean_s")
    values = [results["sealed_rendezvous_s"], *(results[f"broker_{name}"] for name in names)]
    assert all(value is None or (isinstance(value, float | int) and value > 0) for value in values)
