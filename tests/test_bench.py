"""The bench runs, and its results have the documented form. Tests do not judge the figures."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import aiohttp
import pytest

from bench import browser_costs, web_vitals
from bench.browser_costs import Interval, Run
from bench.checked_download import CheckedDownload, Comparison
from bench.costs_plot import costs_svg
from bench.download import DownloadError
from bench.figures import Figures
from bench.killable_bridges import killable_bridge
from bench.news_page import LAYOUTS, news_page
from bench.origin import body
from bench.plan import GROUPS
from bench.process_costs import family_of, memory_mb_of_family, role_of, seconds_of_family
from bench.programs import host
from bench.targets import verdicts
from bench.throughput_plot import throughput_svg
from bench.web_vitals import Load, noise
from freespan.browsers import find_browsers

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


def test_figures_are_compared_with_their_targets() -> None:
    found = {
        verdict.name: verdict.met
        for verdict in verdicts(
            {
                "chromium_mb_s": 7.9,
                "chromium_raw_mb_s": 10.0,
                "firefox_mb_s": 8.0,
                "firefox_raw_mb_s": 10.0,
                "headless_mb_s": 36.0,
                "headless_raw_mb_s": 51.0,
                "warm_first_byte_s": 0.0041,
                "client_start_s": 0.4,
                "connect_first_byte_chromium_s": None,
                "cpu_s_per_100mb": {"client": 3.0, "bridge": 3.0, "egress": 1.5},
                "bond_4x2_ratio": 3.39,
                "kill_wrong_bytes": 1,
                "kill_pause_worst_s": 0.99,
                "replacement_pause_s": 1.1,
                "link_setup_s": 0.2,
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
        "bond_4x2_ratio": False,
        "kill_wrong_bytes": False,
        "kill_pause_worst_s": True,
        "replacement_pause_s": True,
    }


def test_a_pause_is_counted_from_the_last_piece_before_the_kill() -> None:
    download = CheckedDownload([(0.0, 1), (5.0, 1), (5.5, 1), (6.5, 1), (6.6, 0)], 0)
    assert download.longest_pause(after=5.1) == 1.0
    assert download.longest_pause(after=0.0) == 5.0
    assert download.first_after(5.6) == pytest.approx(0.9)
    with pytest.raises(DownloadError):
        download.first_after(6.55)


@pytest.mark.parametrize("cut", [1, 1000, 1 << 18, 3_000_000])
def test_bytes_are_compared_with_what_the_site_sends(cut: int) -> None:
    sent = b"".join(body(3_000_000))

    def compared(come: bytes) -> tuple[int, int]:
        comparison = Comparison(len(sent))
        for at in range(0, len(come), cut):
            comparison.add(come[at : at + cut])
        return comparison.wrong, comparison.missing

    assert compared(sent[: 2 * cut]) == (0, len(sent) - len(sent[: 2 * cut]))
    if cut >= 1000:
        assert compared(sent) == (0, 0)
        assert compared(sent + b"more") == (4, 0)
        broken = bytearray(sent)
        broken[2_000_000] ^= 1
        broken[7] ^= 1
        assert compared(bytes(broken)) == (2, 0)
        moved, missing = compared(sent[:1_000_000] + sent[1_000_004:])
        assert moved > 100_000
        assert missing == 4


def test_the_plot_shows_every_kill() -> None:
    pieces = [(0.01 * number, 100_000) for number in range(400)]
    drawn = throughput_svg(pieces, [1.0, 2.5])
    assert ElementTree.fromstring(drawn) is not None
    assert drawn.count("stroke-dasharray") == 1 + 2  # the legend has one
    assert ElementTree.fromstring(throughput_svg([], [])) is not None


async def test_a_killed_browser_leaves_no_process() -> None:
    if "chromium" not in find_browsers():
        pytest.skip("no Chromium here: scripts/install-browsers.sh")
    async with host() as served:
        others = _descendants(os.getpid())
        async with killable_bridge("chromium", served.url) as kill:
            killed = _descendants(os.getpid()) - others
            kill()
            assert len(killed) > 1
            async with asyncio.timeout(5):
                while any(_is_alive(pid) for pid in killed):
                    await asyncio.sleep(0.02)


def _descendants(pid: int) -> set[int]:
    """Process ids of all that a process has started, and what these have."""
    children = [
        int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()
    ]
    return set(children).union(*map(_descendants, children))


def _is_alive(pid: int) -> bool:
    """A zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_loss_of_the_only_bridge_is_measured_and_kills_are_plotted(tmp_path: Path) -> None:
    results = run_bench(tmp_path / "results.json", "only", "timeline")
    samples = results["samples"]
    assert isinstance(samples, dict)
    assert {"replacement_pause_s", "link_setup_s", "absence_60_resumes_s"} == set(samples)
    assert results["only_wrong_bytes"] == 0
    assert ElementTree.parse(tmp_path / "kills.svg").getroot() is not None


def a_run(page_ms: float | None = 5.0) -> Run:
    """A quarter of a core while it waits, three cores when it is fast."""
    return Run(
        off=Interval(2.0, {"browser": 0.6, "renderer": 0.4}, 200.0, page_ms),
        waiting=Interval(4.0, {"browser": 1.0}, 210.0, page_ms),
        slow=Interval(8.0, {"browser": 6.0}, 250.0, page_ms),
        limited=Interval(10.0, {"browser": 9.0}, 250.0, page_ms),
        fast=Interval(10.0, {"browser": 10.0, "renderer": 20.0}, 300.0, page_ms and page_ms * 6),
        slow_bytes=8_000_000,
        fast_bytes=50_000_000,
    )


def test_the_costs_do_not_include_what_the_browser_uses_anyway() -> None:
    run = a_run()
    assert run.cpu_s_per_100mb == pytest.approx((30 - 2.5) * 2)
    assert run.page_ms_per_100mb == pytest.approx((30 - 25) * 2)
    assert a_run(page_ms=None).page_ms_per_100mb is None


def test_the_costs_of_a_browser_become_figures() -> None:
    figures = Figures()
    browser_costs.add_figures("chromium", [a_run()], figures)
    browser_costs.add_figures("firefox", [a_run(page_ms=None)], figures)
    assert figures.values == {
        name: value
        for kind in browser_costs.KINDS
        for name, value in {
            f"{kind}_cpu_s_per_100mb": 55.0,
            f"{kind}_off_cpu_percent": 50.0,
            f"{kind}_waiting_cpu_percent": 25.0,
            f"{kind}_1mb_s_cpu_percent": 75.0,
            f"{kind}_1mb_s_limited_cpu_percent": 90.0,
            f"{kind}_off_mb_memory": 200.0,
            f"{kind}_waiting_mb_memory": 210.0,
            f"{kind}_1mb_s_mb_memory": 250.0,
        }.items()
    } | {"page_main_thread_ms_per_100mb": 10.0}
    assert figures.parts["chromium_cpu_s_per_100mb"] == {"browser": 20.0, "renderer": 40.0}


def test_noise_is_how_far_equal_pages_differ() -> None:
    assert noise([8.0] * 20, 20) == 0
    spread = [float(number) for number in range(100, 200, 5)]
    assert 10 < noise(spread, 20) < 80
    assert noise(spread, 4) > noise(spread, 20)


def test_a_page_is_compared_with_itself_without_the_switch() -> None:
    def loads(lcp: float, cls: float) -> list[Load]:
        return [Load(lcp + number, cls, 8.0 if lcp < 300 else 24.0, 150.0, 32.0) for number in range(10)]

    figures = Figures()
    web_vitals.add_figures(loads(100, 0.0), {"inline": loads(101, 0.0), "card": loads(300, 0.02)}, figures)
    assert figures.values["switch_interactive_ms"] == 150.0
    met = {verdict.name: verdict.met for verdict in verdicts(figures.values)}
    assert met == {
        "switch_inp_ms": True,
        "lcp_ms: with - without": True,
        "cls: with - without": True,
        "inp_ms: with - without": True,
        "lcp_ms_card: with - without": False,
        "cls_card: with - without": False,
        "inp_ms_card: with - without": False,
    }


def test_the_targets_of_the_switch_are_checked() -> None:
    found = {"chromium_cpu_s_per_100mb": 12.1, "firefox_cpu_s_per_100mb": None, "page_main_thread_ms_per_100mb": 5.0}
    assert {verdict.name: verdict.met for verdict in verdicts({**found})} == {
        "chromium_cpu_s_per_100mb": False,
        "firefox_cpu_s_per_100mb": None,
        "page_main_thread_ms_per_100mb": True,
    }


@pytest.mark.parametrize(
    ("command", "role"),
    [
        (["/usr/bin/chromium", "--headless"], "browser"),
        (["chromium", "--type=renderer", "--lang=en"], "renderer"),
        (["chromium", "--type=utility", "--utility-sub-type=network.mojom.NetworkService"], "network"),
        (["firefox-esr", "--headless", "--profile", "/tmp/p"], "browser"),
        (["firefox-esr", "-contentproc", "-childID", "3", "tab"], "tab"),
        ([], "browser"),
    ],
)
def test_processes_have_roles(command: list[str], role: str) -> None:
    assert role_of(command) == role


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells")
def test_all_descendants_are_counted_also_those_that_have_ended() -> None:
    before = sum(seconds_of_family(os.getpid()).values())
    busy = [sys.executable, "-c", "import time\nwhile time.process_time() < 0.1: pass\ninput()"]
    with subprocess.Popen(busy, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert {os.getpid(), child.pid} <= family_of(os.getpid())
        alone, both = memory_mb_of_family(child.pid), memory_mb_of_family(os.getpid())
        assert alone is not None
        assert both is not None
        assert 0 < alone < both
        child.communicate(b"\n", timeout=20)
    assert child.pid not in family_of(os.getpid())
    assert sum(seconds_of_family(os.getpid()).values()) - before > 0.05


def test_the_costs_are_plotted_and_missing_ones_are_left_out() -> None:
    figures = Figures()
    browser_costs.add_figures("firefox", [a_run(page_ms=None)], figures)
    drawn = costs_svg(figures.values)
    assert ElementTree.fromstring(drawn) is not None
    assert drawn.count("Firefox, ") == 4
    assert "Chromium" not in drawn
    assert ElementTree.fromstring(costs_svg({})) is not None


async def test_the_news_page_differs_by_the_switch_alone() -> None:
    async with news_page("http://127.0.0.1:1/x") as url, aiohttp.ClientSession() as http:

        async def text(layout: str) -> str:
            async with http.get(url(layout)) as response:
                return await response.text()

        plain, inline = await text(""), await text("inline")
        assert "freespan-switch" not in plain
        reserved = "freespan-switch { display: block; min-height: 69px }"
        line = (
            '<script type="module" src="http://127.0.0.1:1/x/switch.js"></script>'
            '<freespan-switch layout="inline"></freespan-switch>'
        )
        assert inline.replace(line, "").replace(reserved, "") == plain
        for layout in LAYOUTS:
            assert f'layout="{layout}"' in await text(layout)
        async with http.get(url("").replace("/page/", "/picture.png")) as picture:
            assert (await picture.read()).startswith(b"\x89PNG")
