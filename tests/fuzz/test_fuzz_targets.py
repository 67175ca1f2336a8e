"""The inputs that fuzzing has kept, and a few more of the same kind; `make fuzz` tries millions (docs/fuzzing.md)."""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz import corpus
from fuzz.__main__ import PROPERTIES
from fuzz.catalog import TARGETS
from fuzz.fuzz_target import CPU_SECONDS_MAX, FuzzTarget, SlowInputError
from fuzz.growth import grown
from fuzz.script import Script, piece, split

FEW = 40
PAGE = Path(__file__).parents[2] / "docs" / "fuzzing.md"
each_target = pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)


@pytest.fixture(autouse=True, scope="module")
def silence() -> Iterator[None]:
    """Much of what these inputs do is worth a line in a log."""
    before = logging.root.manager.disable
    logging.disable()
    yield
    logging.disable(before)


@each_target
def test_what_fuzzing_has_kept_finds_no_fault(target: FuzzTarget) -> None:
    """Within 50 ms of this thread's CPU as well; the slowest takes a fraction of that."""
    for data in (*target.seeds, *corpus.kept(target.name)):
        target.check(data)


@st.composite
def changed(draw: st.DrawFn, target: FuzzTarget) -> bytes:
    """Kept inputs in which something is cut out, and words of the format or any bytes are put in."""
    data = draw(st.sampled_from(sorted({*target.seeds, *corpus.kept(target.name)})) | st.just(b""))
    words = st.sampled_from(target.words or (b"",)) | st.binary(max_size=12)
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        data = data[:start] + draw(words) + data[start + draw(st.integers(0, 8)) :]
    return data[: target.size_max]


@each_target
@settings(max_examples=FEW)
@given(st.data())
def test_changed_inputs_find_no_fault(target: FuzzTarget, data: st.DataObject) -> None:
    target.run(data.draw(changed(target)))


# --- the tools of fuzzing --------------------------------------------------------------------------------
def test_a_slow_input_is_a_fault() -> None:
    def run(data: bytes) -> None:
        begin = time.thread_time()
        while data and time.thread_time() < begin + 1.1 * CPU_SECONDS_MAX:
            pass

    target = FuzzTarget("slow", run, (), ())
    assert target.check(b"") < CPU_SECONDS_MAX
    with pytest.raises(SlowInputError, match="for 1 bytes"):
        target.check(b"x")


def test_a_grown_input_is_as_long_as_it_may_be() -> None:
    sizes = {len(grown(b"0123456789", 16_000, random.Random(seed))) for seed in range(200)}
    assert all(any(0.95 * most < size <= most for most in (16_000, 4_000, 1_000)) for size in sizes)
    assert 16_000 in sizes
    assert grown(b"", 1_000, random.Random(0)) == b""
    assert grown(b"0123456789", 10, random.Random(0)) == b"0123456789"


def test_a_script_reads_what_was_written_and_goes_on_with_zeros() -> None:
    for size in (0, 1, 247, 248, 1_000, 2_047):
        assert Script(piece(bytes(size)) + b"rest").piece() == bytes(size)
    script = Script(b"\x01\x02\x03")
    assert (script.byte(), script.number(2), script.is_over, script.byte(), script.piece()) == (1, 0x203, True, 0, b"")
    assert split(b"abcdef", b"\x01\x00\x02") == [b"a", b"bc", b"def"]


def test_inputs_are_kept_once_and_the_shortest_first(tmp_path: Path) -> None:
    corpus.write(tmp_path, "a", [b"longer", b"b", b"", b"b"])
    assert corpus.read(tmp_path, "a") == [b"", b"b", b"longer"]
    assert corpus.read(tmp_path, "none") == []


def test_no_corpus_is_left_of_a_target_that_is_gone() -> None:
    files = {file.stem for folder in (corpus.CORPORA, corpus.CRASHERS) for file in folder.glob("*.txt")}
    assert files <= set(TARGETS)


def test_the_page_counts_the_inputs_of_each_target() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \| ([\d.]+) \|$", page, re.MULTILINE)
    assert [name for name, _, _ in rows] == [*TARGETS, *PROPERTIES]
    counts = [int(inputs.replace(",", "")) for _, inputs, _ in rows]
    many = sum(count >= 200_000 for count in counts)
    text = " ".join(page.split())
    assert f"| all | {sum(counts):,} | |" in text
    assert f"{sum(counts) / 1e6:.1f} million inputs have been tried" in text
    who = "Each target has" if many == len(rows) else f"{many} of {len(rows)} targets have"
    assert f"{who} had 200,000 or more." in text
    assert all(float(slowest) <= 1_000 * CPU_SECONDS_MAX for _, _, slowest in rows)


def test_the_page_fuzzes_targets_that_exist() -> None:
    page = PAGE.read_text(encoding="utf-8")
    commands = re.findall(r'ARGS="([\w ]+)"|--inputs \d+ ([\w ]+?) +#', page)
    named = [name for found in commands for name in " ".join(found).split()]
    assert named
    assert set(named) <= {*TARGETS, *PROPERTIES}
