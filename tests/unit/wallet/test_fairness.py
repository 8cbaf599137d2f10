"""Laws of the queue from which companies take turns."""

from collections import Counter
from operator import itemgetter

from hypothesis import given
from hypothesis import strategies as st

from wallet.fairness import FairQueue

COMPANIES = st.sampled_from(["a", "b", "c", "d"])
PUTS = st.lists(COMPANIES, max_size=60)
COUNTS = st.integers(1, 12)


def filled(companies: list[str]) -> FairQueue[tuple[str, int]]:
    """Return a queue of items that know their company and their place."""
    queue: FairQueue[tuple[str, int]] = FairQueue(size_max=1_000, company_size_max=1_000, order=itemgetter(1))
    for place, company in enumerate(companies):
        assert queue.put(company, (company, place))
    return queue


@given(PUTS, st.lists(COUNTS, max_size=30))
def test_each_item_comes_out_once_and_in_its_companys_order(companies: list[str], counts: list[int]) -> None:
    queue = filled(companies)
    taken: list[tuple[str, int]] = []
    for count in counts:
        some = queue.take(count)
        assert len(some) == min(count, len(companies) - len(taken))
        taken += some
        assert len(queue) == len(companies) - len(taken)
    taken += queue.take(1_000)
    assert sorted(taken, key=lambda item: item[1]) == [(company, place) for place, company in enumerate(companies)]
    for company in set(companies):
        places = [place for owner, place in taken if owner == company]
        assert places == sorted(places)


@given(PUTS, COUNTS)
def test_a_company_gets_its_share_of_a_take_however_much_the_others_have(companies: list[str], count: int) -> None:
    waiting = Counter(companies)
    taken = Counter(company for company, _ in filled(companies).take(count))
    for company, had in waiting.items():
        assert taken[company] >= min(had, count // len(waiting))


@given(PUTS, COUNTS)
def test_no_company_waits_for_more_than_one_turn_of_each_other(companies: list[str], count: int) -> None:
    """A company that waits at the beginning is served within as many takes as there are companies."""
    queue = filled(companies)
    served: set[str] = set()
    for _ in set(companies):
        served |= {company for company, _ in queue.take(count)}
    assert served == set(companies)


@given(PUTS, COUNTS)
def test_what_is_put_back_comes_first_again_in_its_order(companies: list[str], count: int) -> None:
    queue = filled(companies)
    taken = queue.take(count)
    for company in dict.fromkeys(company for company, _ in taken):
        queue.put_back(company, [item for item in taken if item[0] == company])
    assert len(queue) == len(companies)
    everything = queue.take(1_000)
    for company in set(companies):
        places = [place for owner, place in everything if owner == company]
        assert places == sorted(places)


@given(PUTS, st.integers(1, 20), st.integers(1, 10))
def test_a_bound_that_is_reached_refuses_and_changes_nothing(
    companies: list[str], size_max: int, company_size_max: int
) -> None:
    queue: FairQueue[int] = FairQueue(size_max=size_max, company_size_max=company_size_max, order=int)
    inside: Counter[str] = Counter()
    for place, company in enumerate(companies):
        fits = inside.total() < size_max and inside[company] < company_size_max
        assert queue.put(company, place) is fits
        inside[company] += fits
        assert len(queue) == inside.total()
    assert len(queue.take(1_000)) == inside.total()
