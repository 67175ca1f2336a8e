"""Closed links are reported to the other end, again if need be, and forgotten in time."""

from freespan.link.bond.closed_links import ClosedLinks
from tests.link.bond.states import a_link


def test_reports_are_sent_once_and_again_when_their_link_has_closed() -> None:
    closed = ClosedLinks()
    link = a_link(3)
    link.received_count = 7
    closed.add(link)
    assert closed.take_reports() == ((3, 7),)
    assert closed.take_reports() == ()
    closed.report_again()
    closed.report(5, 0)
    assert closed.take_reports() == ((3, 7), (5, 0))
    assert closed.get(3) is link
    closed.on_reported(3)
    assert closed.get(3) is None


def test_only_the_last_closed_links_are_remembered() -> None:
    closed = ClosedLinks()
    for number in range(200):
        closed.add(a_link(number))
    assert len(closed.take_reports()) == 64
    closed.report_again()
    assert len(closed.take_reports()) == 64
    assert closed.get(100) is None
    assert closed.get(199) is not None
