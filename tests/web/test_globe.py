"""The globe: what is where in its picture, when it draws and when not, and that its data is whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from freespan.browsers import Page
from tests.web.fakes import FakeHost

pytestmark = pytest.mark.asyncio(loop_scope="session")

ISO_3166 = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
LAND = {
    "Moscow": (37.6, 55.7),
    "Tehran": (51.4, 35.7),
    "Denver": (-105, 39.7),
    "Brasilia": (-47.9, -15.8),
    "Alice Springs": (133.9, -23.7),
    "South Pole": (30, -89),
    "Nairobi": (36.8, -1.3),
    "Vostok": (106.8, -78),
    "Chengdu": (104, 30.6),
    "Greenland": (-40, 72),
}
SEA = {
    "Atlantic": (-30, 30),
    "Pacific": (-150, 0),
    "Date line": (179.9, 10),
    "Indian Ocean": (80, -30),
    "North Pole": (0, 89),
    "Southern Ocean": (100, -58),
    "Caspian Sea": (50.8, 41.8),
    "North Sea": (2, 56.5),
    "Mediterranean": (18, 35),
}


async def sphere(page: Page, host: FakeHost, expression: str) -> Any:
    """Evaluate with the functions of sphere.js as `s` and those of scene.js as `c`."""
    return await page.evaluate(f"""await (async () => {{
        const s = await import("{host.url}/globe/sphere.js");
        const c = await import("{host.url}/globe/scene.js");
        return {expression};
    }})()""")


# --- projection ----------------------------------------------------------------------------------


async def test_the_view_s_place_is_in_the_middle_and_its_opposite_behind(page: Page, host: FakeHost) -> None:
    points = await sphere(
        page,
        host,
        """[[0, 0], [50, 30], [-170, -60], [12, 90]].map(([longitude, latitude]) => {
            const rows = s.turned({ longitude, latitude });
            const [front, back, north] = [[longitude, latitude], [longitude + 180, -latitude], [0, 90]];
            return [front, back, north].map((place) => s.seen(rows, s.vector(...place)));
        })""",
    )
    for front, back, north in points:
        assert front == pytest.approx([0, 0, 1], abs=1e-9)
        assert back == pytest.approx([0, 0, -1], abs=1e-9)
        assert north[0] == pytest.approx(0, abs=1e-9)
        assert north[1] >= -1e-9  # north is up


async def test_places_go_there_and_back(page: Page, host: FakeHost) -> None:
    places = [[0, 0], [120, 45], [-75, -30], [179, 10]]
    found = await sphere(page, host, f"{json.dumps(places)}.map((place) => s.place(s.vector(...place)))")
    for (longitude, latitude), back in zip(places, found, strict=True):
        assert back == {"longitude": pytest.approx(longitude), "latitude": pytest.approx(latitude)}


async def test_land_is_filled_and_sea_is_not_from_wherever_one_looks(page: Page, host: FakeHost) -> None:
    wrong, tried = await sphere(
        page,
        host,
        f"""(() => {{
            const odd = (outlines, x, y) => outlines.reduce((odd, points) => {{
                let [ax, ay] = points.slice(-2);
                for (let i = 0; i < points.length; i += 2) {{
                    const [bx, by] = [points[i], points[i + 1]];
                    if ((ay > y) !== (by > y) && x < ax + ((y - ay) * (bx - ax)) / (by - ay)) odd = !odd;
                    [ax, ay] = [bx, by];
                }}
                return odd;
            }}, false);
            const wrong = [];
            let tried = 0;
            for (let longitude = -180; longitude < 180; longitude += 11) {{
                for (let latitude = -90; latitude <= 90; latitude += 7.5) {{
                    const rows = s.turned({{ longitude, latitude }});
                    const outlines = s.outlines(rows);
                    for (const [places, filled] of [[{json.dumps(LAND)}, true], [{json.dumps(SEA)}, false]]) {{
                        for (const [name, place] of Object.entries(places)) {{
                            const [x, y, z] = s.seen(rows, s.vector(...place));
                            if (z < 0.05) continue;
                            tried++;
                            if (odd(outlines, x, y) !== filled) wrong.push([name, longitude, latitude]);
                        }}
                    }}
                }}
            }}
            return [wrong, tried];
        }})()""",
    )
    assert wrong == []
    assert tried > 5_000


async def test_what_the_earth_hides_is_cut_off(page: Page, host: FakeHost) -> None:
    parts = await sphere(
        page, host, "s.pieces([[-2, 0, -1], [-1.1, 0, -1], [-0.5, 0, -1], [0, 0, -1], [0, 0, 1], [0.5, 0, 1]])"
    )
    assert parts == [[[-2, 0, -1], [-1.1, 0, -1]], [[0, 0, 1], [0.5, 0, 1]]]
    visible = await sphere(
        page,
        host,
        "s.pieces(s.circle([0, 0, 1], 120)).length + s.graticule(s.turned({longitude: 7, latitude: 7})).length",
    )
    assert visible > 5
    assert await sphere(page, host, "s.pieces(s.circle([0, 0, 1], 120))") == []


async def test_a_flight_begins_and_ends_on_the_ground_and_rises_higher_the_farther_it_goes(
    page: Page, host: FakeHost
) -> None:
    flights = await sphere(
        page,
        host,
        """[5, 60, 179.9].map((away) => {
            const line = s.flight(s.vector(0, 0), s.vector(away, 0));
            return line.map((point) => Math.hypot(...point));
        })""",
    )
    tops = [max(heights) for heights in flights]
    assert all(heights[0] == pytest.approx(1) and heights[-1] == pytest.approx(1) for heights in flights)
    assert 1 < tops[0] < tops[1] < tops[2] < 1.19  # 1.19 is where the picture ends


async def test_one_looks_at_what_is_shown(page: Page, host: FakeHost) -> None:
    view = """(here, ...codes) => {
        const arcs = codes.map((code) => ({ to: s.middles.get(code), readers: 3, since: 0, until: Infinity }));
        const found = c.viewpoint(s.middles.get(here), arcs);
        if (!found) return null;
        const rows = s.turned(found.view);
        return [found.sway, ...[here, ...codes].filter(Boolean).map((code) => s.seen(rows, s.middles.get(code))[2])];
    }"""
    assert await sphere(page, host, f"({view})()") is None
    sway, *depths = await sphere(page, host, f"({view})('DE', 'IR', 'RU', 'BY')")
    assert sway < 10
    assert min(depths) > 0.4
    wide, *_ = await sphere(page, host, f"({view})('US', 'CN', 'MM', 'AU')")
    assert wide > sway


# --- data ----------------------------------------------------------------------------------------


async def test_every_country_has_a_middle_and_a_name(page: Page, host: FakeHost) -> None:
    middles = await sphere(page, host, "Object.fromEntries([...s.middles].map(([code, at]) => [code, s.place(at)]))")
    assert set(middles) == {*ISO_3166.split(), "XK"}
    for code, longitude, latitude in [
        ("IR", 54, 32),
        ("CN", 104, 33),
        ("BR", -53, -11),
        ("NZ", 171, -43),
        ("TV", 179, -8),
    ]:
        assert middles[code]["longitude"] == pytest.approx(longitude, abs=6)
        assert middles[code]["latitude"] == pytest.approx(latitude, abs=6)


async def test_countries_that_can_be_shown_most_readers_first(page: Page, host: FakeHost) -> None:
    news = {"countries": {"BY": 3, "IR": 40, "CN": 300, "QQ": 5, "RU": 0, "__proto__": 3, "MM": "7"}}
    shown = await sphere(page, host, f"c.known(JSON.parse({json.dumps(json.dumps(news))}))")
    assert shown == [["CN", 300], ["IR", 40], ["BY", 3]]
    assert await sphere(page, host, "c.known({})") == []


# --- when it draws -------------------------------------------------------------------------------

STAGE = """
    const clock = { now: 1000 };
    performance.now = () => clock.now;
    const waiting = [];
    const timers = new Map();
    window.setTimeout = (call, wait = 0) => (timers.set(call, clock.now + wait), call);
    window.clearTimeout = (call) => timers.delete(call);
    window.requestAnimationFrame = (call) => waiting.push(call);
    window.cancelAnimationFrame = () => (waiting.length = 0);
    let look;
    window.IntersectionObserver = class {
        constructor(call) { look = (isIntersecting) => call([{ isIntersecting }]); }
        observe() {}
        disconnect() { look = () => {}; }
    };
    window.ResizeObserver = class { observe() {} disconnect() {} };
    let hidden = false;
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    const hide = (now) => { hidden = now; document.dispatchEvent(new Event("visibilitychange")); };
    let drawn = 0;
    const clear = CanvasRenderingContext2D.prototype.clearRect;
    CanvasRenderingContext2D.prototype.clearRect = function (...area) { drawn++; clear.apply(this, area); };
    const pass = (milliseconds, step = 1000 / 60) => {
        const before = drawn;
        for (const end = clock.now + milliseconds; clock.now < end; clock.now += step) {
            for (const [call, when] of timers) if (when <= clock.now && timers.delete(call)) call();
            for (const call of waiting.splice(0)) call(clock.now);
        }
        return drawn - before;
    };
    const place = document.createElement("div");
    place.style.width = "200px";
    document.body.append(place);
    const { Globe } = await import("HOST/globe/globe.js");
"""
NEWS = '{ here: "DE", countries: { IR: 12, MM: 4 }, somewhere: 5 }'


async def staged(page: Page, host: FakeHost, script: str) -> Any:
    """Run a script with a clock, frames and an eye of its own."""
    return await page.evaluate(f"await (async () => {{ {STAGE.replace('HOST', host.url)} {script} }})()")


async def test_at_most_thirty_pictures_a_second_and_none_unseen(page: Page, host: FakeHost) -> None:
    frames = await staged(
        page,
        host,
        f"""const globe = new Globe(place, {{ reducedMotion: false }});
        globe.show({NEWS});
        const frames = {{ before: pass(1000) }};
        look(true);
        frames.seen = pass(1000);
        look(false);
        frames.away = pass(1000);
        globe.show({NEWS});
        globe.welcome();
        frames.newsAway = pass(1000);
        look(true);
        hide(true);
        frames.hidden = pass(1000);
        hide(false);
        frames.again = pass(1000);
        globe.stop();
        frames.stopped = pass(1000);
        frames.left = place.childNodes.length;
        return frames;""",
    )
    assert 20 <= frames.pop("seen") <= 31
    assert 20 <= frames.pop("again") <= 31
    assert frames == {"before": 0, "away": 0, "newsAway": 0, "hidden": 0, "stopped": 0, "left": 0}


async def test_it_rests_when_there_is_nothing_new_for_long(page: Page, host: FakeHost) -> None:
    first, late, woken = await staged(
        page,
        host,
        f"""const globe = new Globe(place, {{ reducedMotion: false }});
        globe.show({NEWS});
        look(true);
        const first = pass(1000);
        pass(100_000, 1000);
        globe.show({NEWS});
        const late = pass(10_000);
        globe.welcome();
        return [first, late, pass(1000)];""",
    )
    assert first > 20
    assert late == 0
    assert woken > 20


async def test_reduced_motion_draws_once_for_each_piece_of_news(page: Page, host: FakeHost) -> None:
    draws = await staged(
        page,
        host,
        f"""const globe = new Globe(place, {{ reducedMotion: true }});
        look(true);
        const draws = [pass(5000)];
        globe.show({NEWS});
        draws.push(pass(5000));
        globe.show({{}});
        draws.push(pass(5000));
        globe.welcome();
        draws.push(pass(1000));
        return draws;""",
    )
    assert draws == [1, 1, 1, 1]


@pytest.mark.parametrize("size", [150, 200, 300])  # the sides of a fresh canvas, and one that is neither
async def test_the_canvas_is_a_square_of_the_place_s_size(page: Page, host: FakeHost, size: int) -> None:
    sides = await staged(
        page,
        host,
        f"""Object.defineProperty(window, "devicePixelRatio", {{ value: 1 }});
        place.style.width = "{size}px";
        new Globe(place, {{ reducedMotion: true }});
        look(true);
        pass(100);
        const canvas = place.querySelector("canvas");
        const box = canvas.getBoundingClientRect();
        return [canvas.width, canvas.height, box.width, box.height];""",
    )
    assert sides == [size] * 4


async def test_without_a_canvas_it_is_a_picture(page: Page, host: FakeHost) -> None:
    before, after, left = await staged(
        page,
        host,
        f"""HTMLCanvasElement.prototype.getContext = () => null;
        const globe = new Globe(place);
        look(true);
        pass(100);
        const parts = () => [place.querySelectorAll("canvas").length, place.querySelectorAll("svg").length,
                             place.querySelectorAll("svg > path").length];
        const before = parts();
        globe.show({NEWS});
        pass(5000);
        const after = parts();
        globe.stop();
        return [before, after, place.childNodes.length];""",
    )
    assert before == [0, 1, 0]
    assert after[:2] == [0, 1]
    assert after[2] >= 2
    assert left == 0


async def test_news_that_makes_no_sense_shows_nothing_and_throws_nothing(page: Page, host: FakeHost) -> None:
    drawn = await staged(
        page,
        host,
        """const globe = new Globe(place, {
            reducedMotion: true,
            colours: { ink: "no colour", accent: "oklch(0.7 0.1 160)" },
        });
        look(true);
        pass(100);
        const odd = { countries: { QQ: 5, IR: NaN, CN: -1, RU: "many" } };
        const others = [{ here: "QQ" }, { somewhere: Infinity }, { somewhere: "x", here: 5 }, { countries: [] }];
        for (const news of [odd, ...others]) {
            globe.show(news);
            pass(100);
        }
        globe.restyle();
        pass(100);
        return drawn;""",
    )
    assert drawn == 7


async def test_colours_are_those_of_the_page(page: Page, host: FakeHost) -> None:
    colours = await page.evaluate(f"""await (async () => {{
        const {{ coloursOf }} = await import("{host.url}/globe/paint.js");
        const place = document.createElement("div");
        document.body.append(place);
        const found = [];
        for (const [color, accent] of [["#222", ""], ["rgb(240 240 240)", "color-mix(in srgb, red, blue)"]]) {{
            place.style.color = color;
            place.style.setProperty("--globe-accent", accent);
            found.push(coloursOf(place, {{}}));
        }}
        return found;
    }})()""")
    assert [found["ink"] for found in colours] == [pytest.approx([34] * 3, abs=1), pytest.approx([240] * 3, abs=1)]
    assert [found["dark"] for found in colours] == [False, True]
    assert colours[0]["accent"] == [22, 150, 115]
    assert colours[1]["accent"] == pytest.approx([127.5, 0, 127.5], abs=1)
