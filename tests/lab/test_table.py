"""Results as a table, as JSON and as a plot."""

import json
from xml.etree import ElementTree

from lab import plot, table
from lab.scenario import Result

RESULTS = [
    Result("sni", "blocked", "ok", "webrtc", 0.1, 9.5),
    Result("lossy", "blocked", "ok", "webrtc", 0.3, 1.5, {"lossy_ratio": 0.6}),
    Result("udp", "blocked", "the bridge <could> not be reached, and this is a long explanation of why so"),
]


def test_rows_are_of_one_width_of_columns() -> None:
    header, *rows = table.header(), *map(table.row, RESULTS)
    assert [row.index("blocked") for row in rows] == [header.index("direct")] * 3
    assert "9.50" in rows[0]
    assert "…" in rows[2]


def test_json_has_the_agreed_keys() -> None:
    agreed = {"scenario", "direct", "freespan", "transport", "first_byte_s", "mb_s"}
    plain, studied, failed = json.loads(table.as_json(RESULTS))
    assert set(plain) == set(failed) == agreed
    assert set(studied) == agreed | {"lossy_ratio"}
    assert studied["lossy_ratio"] == 0.6


def test_the_figures_of_a_study_are_below_its_row() -> None:
    assert table.figures(RESULTS[1]).split() == ["lossy_ratio", "0.6"]


def test_the_plot_is_well_formed() -> None:
    assert ElementTree.fromstring(plot.as_svg(RESULTS)) is not None
    assert ElementTree.fromstring(plot.as_svg([])) is not None
