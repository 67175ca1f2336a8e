"""Which links are used, and which numbers are still good for a JOIN."""

from hypothesis import given
from hypothesis import strategies as st

from freespan.link.bond.link_table import LinkTable, UsedNumbers
from tests.link.bond.states import a_link


def test_a_number_is_good_once_and_not_for_ever() -> None:
    numbers = UsedNumbers()
    assert not numbers.is_new(0)
    for number in (2, 1, 5):
        assert numbers.is_new(number)
        numbers.use(number)
        assert not numbers.is_new(number)
    assert numbers.is_new(3)
    numbers.use(1_000_000)
    assert not numbers.is_new(3)
    assert numbers.is_new(999_990)


@given(st.lists(st.integers(0, 300)))
def test_memory_for_numbers_is_bounded(used: list[int]) -> None:
    numbers = UsedNumbers()
    for number in used:
        if numbers.is_new(number):
            numbers.use(number)
        assert not numbers.is_new(number)
    assert len(numbers._used) <= 64


def test_the_best_links_are_used_and_any_rather_than_none() -> None:
    links = LinkTable()
    near, far, lagging, suspected, joining = (a_link(number, min_rtt=0.1 + number) for number in range(5))
    for link in (far, near, lagging, suspected, joining):
        links.open[link.number] = link
    lagging.is_lagging = suspected.is_suspected = True
    joining.has_joined = False
    links.choose_usable()
    assert links.usable == [near, far]
    near.is_lagging = far.is_lagging = True
    links.choose_usable()
    assert links.usable == [near, far, lagging]
    for link in (near, far, lagging):
        link.is_suspected = True
    links.choose_usable()
    assert links.usable == [near, far, lagging, suspected]


def test_a_closed_link_is_found_until_its_final_count_has_come() -> None:
    links = LinkTable()
    link = links.open[3] = a_link(3)
    assert links.find(3) is link
    links.close(link)
    assert len(links) == 0
    assert links.find(3) is link
    links.closed.on_reported(3)
    assert links.find(3) is None
