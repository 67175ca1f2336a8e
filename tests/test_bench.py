"""The bench runs, and its results have the promised shape; how fast it is, is no matter of tests."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.plan import GROUPS
from bench.targets import verdicts

ROOT = Path(__file__).parent.parent


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


def test_figures_have_the_promised_names(results: dict[str, object]) -> None:
    assert {
        "headless_mb_s",
        "headless_raw_mb_s",
        "warm_first_byte_s",
        "cpu_s_per_100mb",
        "idle_rss_mb",
        "switch_gzip_bytes",
        "n",
        "samples",
        "machine",
    } <= set(results)


def test_objects_name_the_three_parts_of_a_path(results: dict[str, object]) -> None:
    for name in ("cpu_s_per_100mb", "idle_rss_mb"):
        value = results[name]
        assert value is None or (isinstance(value, dict) and set(value) == {"client", "bridge", "egress"})


def test_a_median_comes_with_its_samples(results: dict[str, object]) -> None:
    samples, counts = results["samples"], results["n"]
    assert isinstance(samples, dict)
    assert counts == {name: len(values) for name, values in samples.items()}
    assert {"headless_mb_s", "headless_raw_mb_s", "warm_first_byte_s"} == set(samples)


def test_results_name_no_place(results: dict[str, object]) -> None:
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


def test_a_figure_that_misses_its_target_is_said_to() -> None:
    found = {
        verdict.name: verdict.met
        for verdict in verdicts(
            {
                "chromium_mb_s": 7.9,
                "chromium_raw_mb_s": 10.0,
                "firefox_mb_s": 8.0,
                "firefox_raw_mb_s": 10.0,
                "headless_mb_s": 31.0,
                "headless_raw_mb_s": 51.0,
                "warm_first_byte_s": 0.0041,
                "client_start_s": 0.4,
                "connect_first_byte_chromium_s": None,
                "cpu_s_per_100mb": {"client": 3.0, "bridge": 3.0, "egress": 1.5},
            }
        )
    }
    assert found == {
        "chromium: session / raw": False,
        "firefox: session / raw": True,
        "headless: session / raw": True,
        "headless_mb_s": True,
        "warm_first_byte_s": False,
        "client_start_s": True,
        "connect_first_byte_chromium_s": None,
        "cpu_s_per_100mb, sum": False,
    }
