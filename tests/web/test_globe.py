"""The globe in a page: when it draws, and what with. Its geometry is tested in tests/js/globe.test.js."""

from __future__ import annotations

from typing import Any

import pytest

from freespan.browsers import Page
from tests.web.fakes import FakeHost

pytestmark = pytest.mark.asyncio(loop_scope="session")

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


async def test_at_most_thirty_frames_a_second_and_none_while_it_is_hidden(page: Page, host: FakeHost) -> None:
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


async def test_it_stops_when_nothing_has_changed_for_long(page: Page, host: FakeHost) -> None:
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


async def test_with_reduced_motion_it_draws_once_for_each_change(page: Page, host: FakeHost) -> None:
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
async def test_the_canvas_is_a_square_of_the_container_s_size(page: Page, host: FakeHost, size: int) -> None:
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


async def test_without_a_canvas_it_is_svg(page: Page, host: FakeHost) -> None:
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


async def test_invalid_data_shows_nothing_and_throws_nothing(page: Page, host: FakeHost) -> None:
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
