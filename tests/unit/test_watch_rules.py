"""Life and death of watched targets, as a table; and who is only cut off."""

from datetime import UTC, datetime, timedelta

import pytest

from registry import watch_rules
from registry.models import WatchState
from registry.watch_rules import Standing

START = datetime(2026, 11, 25, 12, tzinfo=UTC)
A, D, B, U = WatchState.ALIVE, WatchState.DEAD, WatchState.BEHIND, WatchState.UNKNOWN


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


def walk(rounds: str, limit: int = 3) -> list[Standing]:
    """Judge round after round: `!` answers, `.` is silent, `x` is silent and cut off."""
    standing = Standing(U, START)
    walked = []
    for number, sign in enumerate(rounds, 1):
        standing = watch_rules.judge(
            standing, is_answered=sign == "!", is_cut_off=sign == "x", at=minute(number), limit=limit
        )
        walked.append(standing)
    return walked


TABLE = [
    ("!", "a"),
    (".", "u"),
    ("...", "uud"),
    ("!..", "aaa"),
    ("!...", "aaad"),
    ("!..!..", "aaaaaa"),
    ("!...!", "aaada"),
    ("!....", "aaadd"),
    ("!xxx", "aaab"),
    ("!xxxxxx", "aaabbbb"),
    ("!..x", "aaab"),
    ("!xx.", "aaad"),
    ("!xxx!", "aaaba"),
    ("!xxx.", "aaabb"),
    ("!xxx...", "aaabbbd"),
    ("!xxx..x...", "aaabbbbbbd"),
    ("!...x", "aaadd"),
    ("xxx", "uub"),
]


@pytest.mark.parametrize(("rounds", "states"), TABLE)
def test_the_table_of_life_and_death(rounds: str, states: str) -> None:
    assert "".join(standing.state.value[0] for standing in walk(rounds)) == states


def test_the_time_of_death_is_the_first_silent_round_and_stays() -> None:
    *_, dead, later = walk("!!...........")[:7]
    assert dead.died_at == later.died_at == minute(3)
    assert dead.last_seen_at == later.last_seen_at == minute(2)
    assert later.since == minute(5)


def test_who_returns_has_no_time_of_death_and_is_alive_since_then() -> None:
    back = walk("!...!!")[-1]
    assert (back.died_at, back.silent_since, back.silent_rounds) == (None, None, 0)
    assert (back.since, back.last_seen_at) == (minute(5), minute(6))


def test_who_is_behind_has_not_died_until_the_way_is_open_and_he_still_silent() -> None:
    walked = walk("!xxx...")
    assert walked[3].died_at is None
    assert walked[-1].died_at == minute(2)


def test_another_limit_of_rounds_counts() -> None:
    assert [standing.state for standing in walk("!.", limit=1)] == [A, D]


PARENTS = {3: 2, 2: 1, 1: None}


def seen(state: WatchState, silent_rounds: int = 0) -> Standing:
    return Standing(state, START, silent_rounds, last_seen_at=START)


@pytest.mark.parametrize(
    ("standings", "passing", "is_cut_off"),
    [
        ({3: seen(A)}, (), False),
        ({3: seen(D)}, (), True),
        ({3: seen(B)}, (), True),
        ({3: seen(A, 1)}, (), True),
        ({3: seen(D)}, (3,), False),
        ({3: Standing(D, START, 9)}, (), False),
        ({1: seen(D)}, (), True),
        ({2: seen(A), 1: seen(D)}, (), False),
        ({3: Standing(U, START, 9), 2: seen(D)}, (), True),
        ({}, (), False),
    ],
    ids=[
        "the parent is well",
        "the parent is dead",
        "the parent is behind",
        "the parent is silent but not yet dead",
        "a silent parent behind which somebody answers",
        "a parent that never answered proves nothing",
        "nothing between is watched: the grandparent counts",
        "the nearest watched one counts",
        "past one that never answered to the one before it",
        "nobody is watched",
    ],
)
def test_who_is_cut_off(standings: dict[int, Standing], passing: tuple[int, ...], is_cut_off: bool) -> None:
    assert watch_rules.is_cut_off(3, PARENTS, standings, passing) is is_cut_off


def test_a_loop_of_parents_ends() -> None:
    assert watch_rules.chain(1, {1: 2, 2: 1}) == [1, 2]
    assert not watch_rules.is_cut_off(1, {1: 2, 2: 1}, {}, ())
