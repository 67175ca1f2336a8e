"""Makes src/freespan/web/static/globe/coastlines.js: the coastlines and the centres of countries for the globe.

The shapes are those of Natural Earth, which are in the public domain, as packed in the npm package world-atlas (1:110m
for the coasts, 1:50m for countries). The country codes are from i18n-iso-countries (ISO 3166-1). It needs npm and a
network: `python scripts/make_globe_data.py`. Only coasts are drawn, so that the globe takes no side about borders.
"""

from __future__ import annotations

import json
import math
import subprocess
import tarfile
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

PACKAGES = ("world-atlas@2.0.2", "i18n-iso-countries@7.14.0")
WRITTEN = Path(__file__).parent.parent / "src" / "freespan" / "web" / "static" / "globe" / "coastlines.js"

STEPS_PER_DEGREE = 10
"""Resolution of coastlines; on a globe of 300 pixels a tenth of a degree is a quarter of a pixel."""
TOLERANCE = 0.15
"""By how many degrees a simplified coast may differ from the real one."""
LEAST_AREA = 0.4
"""In square degrees; smaller islands would be invisible."""
DIGITS = "".join(chr(code) for code in range(35, 127) if chr(code) not in "\\`$")[:88]
"""The characters in which numbers are written (`read` in sphere.js): no quotes, no blanks."""
HALF = len(DIGITS) // 2

Point = tuple[float, float]
"""Longitude and latitude in degrees."""
Ring = list[Point]

# Countries of ISO 3166-1 that are part of another country in the source, or too small to be in it.
ADDED: dict[str, Point] = {
    "BQ": (-68.3, 12.2),
    "BV": (3.4, -54.4),
    "CC": (96.8, -12.2),
    "CX": (105.7, -10.5),
    "GF": (-53.1, 3.9),
    "GI": (-5.4, 36.1),
    "GP": (-61.5, 16.2),
    "MQ": (-61.0, 14.6),
    "RE": (55.5, -21.1),
    "SJ": (16.0, 78.5),
    "TK": (-171.8, -9.2),
    "TV": (179.2, -8.5),
    "UM": (-176.6, 0.2),
    "XK": (20.9, 42.6),
    "YT": (45.2, -12.8),
}
# Countries in which the middle of the largest piece of land is far from where people live.
REPLACED: dict[str, Point] = {
    "CA": (-100.0, 53.0),
    "GL": (-45.0, 68.0),
    "NO": (9.5, 61.5),
    "RU": (60.0, 57.5),
    "US": (-98.0, 39.5),
}


def main() -> None:
    """Fetch the data, convert it, and write the file."""
    with tempfile.TemporaryDirectory() as name:
        atlas, codes = (fetch(package, Path(name)) for package in PACKAGES)
        land = json.loads((atlas / "land-110m.json").read_text("utf-8"))
        countries = json.loads((atlas / "countries-50m.json").read_text("utf-8"))
        numbers = {row[2]: row[0] for row in json.loads((codes / "codes.json").read_text("utf-8"))}
    rings = [ring for polygon in polygons(land, "land") for ring in polygon]
    coasts = [coast(ring) for ring in rings if is_round_a_pole(ring) or abs(area(ring)) >= LEAST_AREA]
    middles = middles_of(countries, numbers)
    missing = set(numbers.values()) - set(middles)
    assert not missing, f"no middle for {sorted(missing)}"
    WRITTEN.write_text(TEXT.format(coasts=" ".join(coasts), middles=written_middles(middles)), encoding="utf-8")
    points = sum(len(ring) for ring in rings)
    print(f"{len(coasts)} of {len(rings)} rings, {points} points before, {len(middles)} countries")


def fetch(package: str, folder: Path) -> Path:
    """Download an npm package and unpack it, without running anything of it."""
    place = folder / package.partition("@")[0]
    place.mkdir()
    subprocess.run(["npm", "pack", "--silent", package], cwd=place, check=True, stdout=subprocess.DEVNULL, timeout=120)
    (archive,) = place.glob("*.tgz")
    with tarfile.open(archive) as packed:
        packed.extractall(place, filter="data")
    return place / "package"


# --- reading TopoJSON --------------------------------------------------------------------------


def polygons(topology: dict[str, Any], name: str) -> list[list[Ring]]:
    """Return all polygons of an object, each with its outer ring first."""
    return [
        polygon for geometry in topology["objects"][name]["geometries"] for polygon in polygons_of(topology, geometry)
    ]


def polygons_of(topology: dict[str, Any], geometry: dict[str, Any]) -> list[list[Ring]]:
    """Return the polygons of one geometry."""
    arcs = geometry.get("arcs", [])
    parts = arcs if geometry["type"] == "MultiPolygon" else [arcs]
    return [[ring_of(topology, ring) for ring in part] for part in parts if part]


def ring_of(topology: dict[str, Any], numbers: list[int]) -> Ring:
    """Join arcs to a ring, without the last point, which is the first one again."""
    ring: Ring = []
    for number in numbers:
        points = arc_of(topology, number if number >= 0 else ~number)
        ring += (points if number >= 0 else points[::-1])[:-1]
    return ring


def arc_of(topology: dict[str, Any], number: int) -> Ring:
    """Return one arc, in degrees."""
    (scale_x, scale_y), (move_x, move_y) = topology["transform"]["scale"], topology["transform"]["translate"]
    x = y = 0
    points: Ring = []
    for dx, dy in topology["arcs"][number]:
        x, y = x + dx, y + dy
        points.append((x * scale_x + move_x, y * scale_y + move_y))
    return points


# --- shapes ------------------------------------------------------------------------------------


def unrolled(ring: Ring) -> Ring:
    """Return the points without a jump at 180 degrees: longitudes may go beyond that."""
    points = [ring[0]]
    for longitude, latitude in ring[1:]:
        before = points[-1][0]
        points.append((longitude - 360 * round((longitude - before) / 360), latitude))
    return points


def is_round_a_pole(ring: Ring) -> bool:
    """Return whether a ring goes once round the earth."""
    points = unrolled([*ring, ring[0]])
    return abs(points[-1][0] - points[0][0]) > 180


def area(ring: Ring) -> float:
    """Return the signed area, in square degrees at the equator; positive if the inside is on the left."""
    points = unrolled(ring)
    weighted = [(x * math.cos(math.radians(y)), y) for x, y in points]
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise([*weighted, weighted[0]])) / 2


def coast(ring: Ring) -> str:
    """Return a ring as text, simplified, and with its inside on the left."""
    points = unrolled(ring)
    if is_round_a_pole(ring):
        if points[-1][0] > points[0][0]:  # Antarctica: south is on the left when going west
            points.reverse()
    elif area(ring) < 0:
        points.reverse()
    kept = simplified(points)
    steps = [(round(x * STEPS_PER_DEGREE), round(y * STEPS_PER_DEGREE)) for x, y in kept]
    text, before = "", (0, 0)
    for step in steps:
        if step != before or not text:
            text += written(step[0] - before[0]) + written(step[1] - before[1])
            before = step
    return text


def simplified(points: Ring) -> Ring:
    """Simplify both halves of a ring by the Douglas-Peucker algorithm."""
    middle = len(points) // 2
    return peucker(points[: middle + 1])[:-1] + peucker([*points[middle:], points[0]])[:-1]


def peucker(points: Ring) -> Ring:
    """Return a line without the points that are within TOLERANCE of the rest."""
    first, last = points[0], points[-1]
    away, index = max(((distance(point, first, last), i) for i, point in enumerate(points[1:-1], 1)), default=(0.0, 0))
    if away <= TOLERANCE:
        return [first, last]
    return peucker(points[: index + 1])[:-1] + peucker(points[index:])


def distance(point: Point, a: Point, b: Point) -> float:
    """Return the distance between a point and the line from a to b, in degrees at its latitude."""
    shrink = max(0.2, math.cos(math.radians(point[1])))
    px, py, bx, by = (point[0] - a[0]) * shrink, point[1] - a[1], (b[0] - a[0]) * shrink, b[1] - a[1]
    length = bx * bx + by * by
    along = min(1.0, max(0.0, (px * bx + py * by) / length)) if length else 0.0
    return math.hypot(px - along * bx, py - along * by)


# --- countries ---------------------------------------------------------------------------------


def middles_of(countries: dict[str, Any], codes: dict[str, str]) -> dict[str, Point]:
    """Return a point in each country, by its code."""
    middles: dict[str, Point] = {}
    for geometry in countries["objects"]["countries"]["geometries"]:
        code = codes.get(geometry.get("id", ""))
        outer = [polygon[0] for polygon in polygons_of(countries, geometry)]
        if code and outer:
            middles[code] = REPLACED.get(code) or middle(max(outer, key=lambda ring: abs(area(ring))))
    if "AQ" in middles:
        middles["AQ"] = (0.0, -85.0)
    return ADDED | middles


def middle(ring: Ring) -> Point:
    """Return, of all points of a grid inside the ring, the one that is farthest from its edge."""
    points = unrolled(ring)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    grid = [
        (min(xs) + (max(xs) - min(xs)) * (i + 0.5) / 24, min(ys) + (max(ys) - min(ys)) * (j + 0.5) / 24)
        for i in range(24)
        for j in range(24)
    ]
    edges = list(pairwise([*points, points[0]]))
    inside = [spot for spot in grid if contains(edges, spot)] or [(sum(xs) / len(xs), sum(ys) / len(ys))]
    x, y = max(inside, key=lambda spot: min(distance(spot, a, b) for a, b in edges))
    return x - 360 * round(x / 360), y


def contains(edges: list[tuple[Point, Point]], spot: Point) -> bool:
    """Return whether a ray to the right crosses an odd number of edges."""
    x, y = spot
    return (
        sum((a[1] > y) != (b[1] > y) and x < a[0] + (y - a[1]) * (b[0] - a[0]) / (b[1] - a[1]) for a, b in edges) % 2
        == 1
    )


# --- writing -----------------------------------------------------------------------------------


def written(number: int) -> str:
    """Write a whole number, least digit first; the last digit is from the first half of DIGITS."""
    rest = number * 2 if number >= 0 else -number * 2 - 1
    text = ""
    while rest >= HALF:
        text += DIGITS[HALF + rest % HALF]
        rest //= HALF
    return text + DIGITS[rest]


def written_middles(middles: dict[str, Point]) -> str:
    """Write the code of each country and its point in half degrees."""
    return " ".join(f"{code}{written(round(x * 2))}{written(round(y * 2))}" for code, (x, y) in sorted(middles.items()))


TEXT = """// Coastlines and the middles of countries, for the globe. Written by scripts/make_globe_data.py: do not edit.
//
// Made with Natural Earth (1:110m and 1:50m), whose data is in the public domain: free for any use, without permission.
// Coasts only, no borders. Rings are parted by blanks, each with its inside on the left; sphere.js reads them.

export const COASTS =
  `{coasts}`;

/** Two letters of ISO 3166-1 (and XK), longitude and latitude in half degrees. */
export const MIDDLES =
  `{middles}`;
"""


if __name__ == "__main__":
    main()
