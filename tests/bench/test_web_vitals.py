"""Web vitals with and without the switch."""

from bench import web_vitals
from bench.figures import Figures
from bench.targets import verdicts
from bench.web_vitals import Load, noise


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
