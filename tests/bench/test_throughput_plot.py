"""The plot of throughput over time."""

from xml.etree import ElementTree

from bench.throughput_plot import throughput_svg


def test_the_plot_shows_every_kill() -> None:
    pieces = [(0.01 * number, 100_000) for number in range(400)]
    drawn = throughput_svg(pieces, [1.0, 2.5])
    assert ElementTree.fromstring(drawn) is not None
    assert drawn.count("stroke-dasharray") == 1 + 2  # the legend has one
    assert ElementTree.fromstring(throughput_svg([], [])) is not None
