"""How results are shown."""

import json
from xml.etree import ElementTree

from lab import table
from lab.scenarios import Result

RESULTS = [
    Result("sni", "blocked", "ok", "webrtc", 0.1, 9.5),
    Result("udp", "blocked", "the bridge <could> not be reached, and this is a long explanation of why so"),
]


def test_rows_are_of_one_width_of_columns() -> None:
    header, *rows = table.header(), *map(table.row, RESULTS)
    assert [row.index("blocked") for row in rows] == [header.index("direct")] * 2
    assert "9.50" in rows[0]
    assert "…" in rows[1]


def test_json_has_the_agreed_keys() -> None:
    for row in json.loads(table.as_json(RESULTS)):
        assert set(row) == {"scenario", "direct", "freespan", "road", "first_byte_s", "mb_s"}


def test_the_plot_is_well_formed() -> None:
    assert ElementTree.fromstring(table.as_svg(RESULTS)) is not None
    assert ElementTree.fromstring(table.as_svg([])) is not None
