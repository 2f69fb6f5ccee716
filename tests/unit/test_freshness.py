"""Calls of a box: good once, for a while, and for the life of the box that gave their mark."""

import pytest

from tasks.freshness import LONGEST_S, Freshness, Repeated, Stale


class Watch:
    """A clock that goes on when it is told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_call_is_good_once_for_a_while_and_with_a_mark_of_this_life_alone() -> None:
    watch = Watch()
    fresh = Freshness(watch)
    mark = fresh.mark()
    fresh.take("a", mark, 40)
    with pytest.raises(Repeated):
        fresh.take("a", mark, 40)
    watch.now += 39
    fresh.take("b", mark, 40)
    watch.now += 2
    for call in ("a", "b", "c"):
        with pytest.raises(Stale):
            fresh.take(call, mark, 40)
    with pytest.raises(Stale):
        Freshness(watch).take("d", fresh.mark(), 40)


def test_a_call_is_remembered_as_long_as_any_could_be_good_and_no_longer() -> None:
    watch = Watch()
    fresh = Freshness(watch)
    mark = fresh.mark()
    fresh.take("a", mark, LONGEST_S)
    watch.now += LONGEST_S
    with pytest.raises(Repeated):
        fresh.take("a", mark, LONGEST_S)
    watch.now += 1
    with pytest.raises(Stale):
        fresh.take("a", mark, 10 * LONGEST_S)
    assert (len(fresh._marks), len(fresh._done)) == (0, 0)
