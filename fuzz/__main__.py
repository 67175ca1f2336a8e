"""Fuzzes all targets in turn: `python -m fuzz --minutes 30`, or `--inputs 200000`; names of targets choose some.

Each target gets its share of the minutes, and at least so many inputs. Those that reach something new are added to
`corpora`, those that show a fault to `crashers`. build/fuzz has the counts, and all that libFuzzer finds worth keeping.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from fuzz import corpus
from fuzz.catalog import PLACES, TARGETS
from fuzz.fuzz_target import FuzzTarget
from fuzz.reach import needed

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build" / "fuzz"
_DONE = re.compile(r"Done (\d+) runs")
_LONGEST_SECONDS = 7_200
_SIZE_MAX = 1_024
"""The longest input that is not grown (`growth.py`)."""
_JAVASCRIPT = "js_"
PROPERTIES = tuple(
    _JAVASCRIPT + name
    for name in re.findall(r"^  (\w+): \[", (ROOT / "fuzz/js/properties.js").read_text(encoding="utf-8"), re.MULTILINE)
)
"""The properties of the JavaScript, each a target."""


@dataclass
class Count:
    """What fuzzing one target has come to so far."""

    inputs: int = 0
    minutes: float = 0.0
    slowest_ms: float = 0.0
    faults: int = 0

    def __str__(self) -> str:
        slowest = f"the slowest took {self.slowest_ms:.1f} ms"
        return f"{self.inputs:12,} inputs in {self.minutes:6.1f} minutes, {slowest}, {self.faults} faults"


def main() -> int:
    """Run; returns 1 if a target has a fault."""
    logging.disable()
    names = [*TARGETS, *PROPERTIES]
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Fuzz everything that strangers send to.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"some of: {', '.join(names)}")
    parser.add_argument("--minutes", type=float, default=0.0, help="for all targets together")
    parser.add_argument("--inputs", type=int, default=0, help="for each target, however long that takes")
    parser.add_argument("--table", action="store_true", help="print what all runs have come to, as Markdown")
    arguments = parser.parse_args()
    if arguments.table:
        print("\n".join(_table({name: _read_count(name) for name in names})))
        return 0
    chosen = arguments.targets or names
    seconds, faults = 60 * arguments.minutes / len(chosen), 0
    for name in chosen:
        before = _read_count(name)
        if name in TARGETS:
            count = _fuzz(TARGETS[name], seconds, arguments.inputs, before)
        else:
            count = _check_javascript(name, seconds, arguments.inputs, before)
        _count_file(name).write_text(json.dumps(asdict(count)), encoding="utf-8")
        faults += count.faults
        print(f"{name:20} {count}", flush=True)
    return int(faults > 0)


def _fuzz(target: FuzzTarget, seconds: float, inputs: int, before: Count) -> Count:
    """Fuzz a target for so many seconds or inputs, whichever is more; returns all counts so far."""
    folder, findings = BUILD / target.name, BUILD / f"{target.name}.findings"
    shutil.rmtree(findings, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    findings.mkdir()
    for number, data in enumerate({*target.seeds, *corpus.kept(target.name)}):
        (folder / f"kept-{number}").write_bytes(data)
    words = BUILD / f"{target.name}.words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in (*target.words, b"\x00")), encoding="ascii")
    begin, count = time.monotonic(), Count(before.inputs, before.minutes, before.slowest_ms)
    if seconds:
        count.inputs += _run(target, folder, findings, words, f"-max_total_time={int(seconds)}")
    if (left := inputs - (count.inputs - before.inputs)) > 0:
        count.inputs += _run(target, folder, findings, words, f"-runs={left}")
    count.minutes += (time.monotonic() - begin) / 60
    _keep(target, folder, findings, count)
    return count


def _run(target: FuzzTarget, folder: Path, findings: Path, words: Path, limit: str) -> int:
    """One run of libFuzzer. Returns how many inputs it has tried."""
    options = [
        limit,
        f"-max_len={min(target.size_max, _SIZE_MAX)}",
        f"-dict={words}",
        "-rss_limit_mb=4096",
        f"-artifact_prefix={BUILD}/",
    ]
    engine = [sys.executable, "-m", "fuzz.atheris_engine", PLACES[target.name], target.name, str(findings)]
    log = BUILD / f"{target.name}.log"
    with log.open("wb") as output:
        subprocess.run(
            [*engine, *options, str(folder)],
            cwd=ROOT,
            stdout=output,
            stderr=output,
            check=False,
            timeout=_LONGEST_SECONDS,
        )
    done = _DONE.findall(log.read_text(encoding="utf-8", errors="replace"))
    if not done:
        raise SystemExit(f"fuzz: {target.name} ended early: see {log}")
    return int(done[-1])


def _keep(target: FuzzTarget, folder: Path, findings: Path, count: Count) -> None:
    slowest = findings / "slowest"
    if slowest.exists():
        count.slowest_ms = max(count.slowest_ms, 1_000 * float(slowest.read_bytes().partition(b"\n")[0]))
    faults = [file.read_bytes() for file in sorted(findings.glob("*.input"))]
    count.faults = len(faults)
    if faults:
        corpus.write(corpus.CRASHERS, target.name, [*corpus.read(corpus.CRASHERS, target.name), *faults])
    found = [file.read_bytes() for file in folder.iterdir() if file.is_file()]
    corpus.write(corpus.CORPORA, target.name, needed(target.run, [*found, *corpus.kept(target.name)]))


def _check_javascript(name: str, seconds: float, inputs: int, before: Count) -> Count:
    """Check a property of the JavaScript with fast-check."""
    begin = time.monotonic()
    command = ["node", str(ROOT / "fuzz" / "js" / "run.js"), name.removeprefix(_JAVASCRIPT), str(seconds), str(inputs)]
    done = json.loads(
        subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=_LONGEST_SECONDS).stdout
    )
    if done["fault"]:
        print(done["fault"])
    return Count(
        before.inputs + done["inputs"],
        before.minutes + (time.monotonic() - begin) / 60,
        max(before.slowest_ms, done["slowest"]),
        int(bool(done["fault"])),
    )


def _table(counts: dict[str, Count]) -> list[str]:
    rows = [f"| `{name}` | {one.inputs:,} | {one.slowest_ms:.1f} |" for name, one in counts.items()]
    total = sum(one.inputs for one in counts.values())
    return ["| target | inputs | slowest, ms of CPU |", "|---|---:|---:|", *rows, f"| all | {total:,} | |"]


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def _read_count(name: str) -> Count:
    file = _count_file(name)
    return Count(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else Count()


def _count_file(name: str) -> Path:
    return BUILD / f"{name}.count"


if __name__ == "__main__":
    sys.exit(main())
