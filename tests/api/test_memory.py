"""How much memory a host may use."""

from __future__ import annotations

from pathlib import Path

import pytest

import freespan
from freespan.api.memory import MEMORY_MIN, ledger_limit, machine_memory, size_of, text_of, usual_memory
from freespan.wire.errors import InputError

NOWHERE = Path("/nowhere")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GB", 2 * 10**9),
        ("1.5 GiB", 3 * 2**29),
        ("700MB", 700 * 10**6),
        ("512MiB", 2**29),
        ("2", None),
        ("2gb", None),
        ("-2GB", None),
        ("GB", None),
        ("1e9GB", None),
        ("٢GB", None),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int | None) -> None:
    assert size_of(text) == size


def test_a_size_that_is_none_or_too_small_is_refused() -> None:
    assert freespan.HostSettings(memory="2GB").memory == "2GB"
    with pytest.raises(InputError, match="memory: must be a size such as 2GB"):
        freespan.HostSettings(memory="plenty")
    with pytest.raises(InputError, match="memory: must be at least 256MB"):
        freespan.HostSettings(memory="100MB")


def test_the_usual_memory_is_a_part_of_the_machine_and_can_be_written() -> None:
    assert MEMORY_MIN <= usual_memory() <= max(MEMORY_MIN, machine_memory())
    assert size_of(text_of(usual_memory())) is not None


def test_what_is_counted_leaves_room_for_what_is_not() -> None:
    assert ledger_limit(MEMORY_MIN) > 50 * 10**6
    assert 1.5 * ledger_limit(2 * 10**9) < 1.9 * 10**9


@pytest.mark.parametrize(
    ("own_group", "limits", "expected"),
    [
        ("0::/system.slice/freespan.service", {"system.slice/freespan.service/memory.max": "300000000"}, 300_000_000),
        ("0::/a/b", {"a/memory.max": "400000000", "a/b/memory.max": "max"}, 400_000_000),
        ("0::/", {"memory.max": "500000000"}, 500_000_000),
        ("5:cpu:/x\n4:memory:/x", {"memory/x/memory.limit_in_bytes": "600000000"}, 600_000_000),
        ("0::/a", {}, None),
        ("0::/a", {"a/memory.max": "max"}, None),
    ],
)
def test_a_container_has_the_memory_of_its_cgroup(
    tmp_path: Path, own_group: str, limits: dict[str, str], expected: int | None
) -> None:
    (tmp_path / "own").write_text(own_group)
    for name, text in limits.items():
        file = tmp_path / "groups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    found = machine_memory(tmp_path / "own", tmp_path / "groups")
    assert found == (expected or machine_memory(NOWHERE, NOWHERE))
