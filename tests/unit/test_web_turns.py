"""Requests take turns: a few in work at once, the rest in order, and a slow one keeps nobody waiting."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from webapp import turns as turns_of
from webapp.turns import HOLD_S, Turns

GENEROUS_S = 10.0


def ask(turns: Turns, number: int) -> threading.Thread:
    thread = threading.Thread(target=lambda: turns({"number": number}, None), daemon=True)
    thread.start()
    return thread


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GENEROUS_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_no_more_are_in_work_than_there_are_places_and_the_rest_come_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns_of, "HOLD_S", GENEROUS_S)
    order: list[int] = []
    in_work: list[int] = []
    opened = threading.Event()

    def app(environ: dict[str, Any], _start: Any) -> Iterable[bytes]:
        order.append(environ["number"])
        in_work.append(len(turns._inside))
        opened.wait(GENEROUS_S)
        return []

    turns = Turns(app, 2)
    threads = []
    for number in range(7):
        threads.append(ask(turns, number))
        wait_for(lambda due=number + 1: len(order) + len(turns._waiting) == due)  # type: ignore[misc]
    assert order == [0, 1]
    turns._places = 1  # from here on one after the other, or their order would be by chance
    opened.set()
    for thread in threads:
        thread.join(GENEROUS_S)
    assert order == [0, 1, 2, 3, 4, 5, 6]
    assert max(in_work) <= 2
    assert not turns._inside


def test_a_slow_request_keeps_nobody_waiting_and_goes_on_itself() -> None:
    done: list[int] = []
    opened = threading.Event()

    def app(environ: dict[str, Any], _start: Any) -> Iterable[bytes]:
        if environ["number"] == 0:
            opened.wait(GENEROUS_S)
        done.append(environ["number"])
        return []

    turns = Turns(app, 1)
    slow = ask(turns, 0)
    wait_for(lambda: bool(turns._inside))
    began = time.monotonic()
    ask(turns, 1).join(GENEROUS_S)
    assert done == [1]
    assert HOLD_S / 2 < time.monotonic() - began < GENEROUS_S
    opened.set()
    slow.join(GENEROUS_S)
    assert done == [1, 0]


def test_a_request_that_fails_gives_its_place_back() -> None:
    def app(_environ: dict[str, Any], _start: Any) -> Iterable[bytes]:
        raise ValueError

    turns = Turns(app, 1)
    with pytest.raises(ValueError):
        turns({}, None)
    assert not turns._inside
