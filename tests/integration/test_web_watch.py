"""The pages of watching: the card's panel, a device's, the graphs' JSON, and what is down."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from registry import history, testing, usage, watch_views
from registry.models import IpAddress, SeriesKind, WatchState, WatchStatus
from registry.series_codec import PingPoint, usage_moment

NOW = clock.now().replace(microsecond=0)


@pytest.fixture
def line(database: Any) -> dict[str, int]:
    """A customer with an address that died, two hours of echoes with a gap, and some usage; a dead switch."""
    with database.transaction() as session:
        customer = testing.customer(session, "77", addresses=["127.0.7.7"])
        ip_id = session.query(IpAddress.id).filter_by(customer_id=customer.id).scalar()
        ping = usage.ensure_series(session, SeriesKind.PING, "ip_id", [ip_id])[ip_id]
        octets = usage.ensure_series(session, SeriesKind.CUSTOMER, "customer_id", [customer.id])[customer.id]
        switch = testing.device(session, "sw-dead", address="127.0.7.1", pop_id=testing.pop(session).id)
        other = usage.ensure_series(session, SeriesKind.PING, "device_id", [switch.id])[switch.id]
        for number in [*range(12), *range(24, 36)]:
            at = NOW - timedelta(hours=4) + timedelta(minutes=5 * number)
            history.note(session, SeriesKind.PING, at, {ping: PingPoint(1, 0, 2.0, 2.5, 3.0)})
            history.note(session, SeriesKind.CUSTOMER, at, {octets: usage_moment(300, 3_000, 3_000_000)})
        died = NOW - timedelta(hours=1)
        for series_id, state in ((ping, WatchState.BEHIND), (other, WatchState.DEAD)):
            dead_at = died if state is WatchState.DEAD else None
            session.add(
                WatchStatus(series_id=series_id, state=state, since=died, died_at=dead_at, last_seen_at=died)
            )
    return {"customer": customer.id, "ping": ping, "octets": octets, "device": switch.id}


def test_the_panel_shows_a_graph_for_each_series_and_how_each_stands(
    line: dict[str, int], sign_in_as: Callable
) -> None:
    page = sign_in_as("noc").fragment(f"/customers/{line['customer']}/watch?span=week")
    assert page.status_code == 200
    assert page.text.count("data-history-chart") == 2
    assert "127.0.7.7" in page.text
    assert "behind" in page.text
    assert "heat-5" in page.text
    assert "<html" not in page.text


def test_without_htmx_the_panel_is_a_page(line: dict[str, int], sign_in_as: Callable) -> None:
    assert "<html" in sign_in_as("billing").get(f"/customers/{line['customer']}/watch").text


def test_a_graph_has_nulls_where_nothing_was_measured(line: dict[str, int], sign_in_as: Callable) -> None:
    since, until = int((NOW - timedelta(hours=5)).timestamp()), int(NOW.timestamp())
    found = sign_in_as("noc").get(f"/watch/series/{line['ping']}?since={since}&until={until}").json
    times, mean, low, high, loss = found["columns"]
    assert len(times) == len(mean) == 25
    assert mean.count(None) == 1
    assert mean[12] is None
    assert (mean[0], low[0], high[0], loss[0]) == (2.5, 2.0, 3.0, 0.0)


def test_usage_is_told_in_bits_a_second_down_and_up(line: dict[str, int], sign_in_as: Callable) -> None:
    found = sign_in_as("noc").get(f"/watch/series/{line['octets']}").json
    assert found["kind"] == "customer"
    assert (found["columns"][1][0], found["columns"][2][0]) == (80_000.0, 80.0)


@pytest.mark.parametrize("period", ["since=0", "since=1&until=9999999999", "since=x&until=-3", "until=1"])
def test_whatever_period_is_asked_the_points_are_bounded(
    line: dict[str, int], sign_in_as: Callable, period: str
) -> None:
    answer = sign_in_as("noc").get(f"/watch/series/{line['ping']}?{period}")
    assert answer.status_code == 200
    assert all(len(column) <= 2 * history.POINTS for column in answer.json["columns"])


def test_a_chosen_period_stays_in_the_form_and_nonsense_is_a_day(
    line: dict[str, int], sign_in_as: Callable
) -> None:
    browser = sign_in_as("noc")
    page = browser.fragment(f"/customers/{line['customer']}/watch?from=2026-01-02T03:04&to=2026-01-02T05:06")
    assert 'value="2026-01-02T03:04"' in page.text
    assert browser.fragment(f"/customers/{line['customer']}/watch?from=yesterday&span=age").status_code == 200


def test_a_series_nobody_has_is_not_found(sign_in_as: Callable) -> None:
    assert sign_in_as("noc").get("/watch/series/999999").status_code == 404


def test_what_is_down_is_listed_counted_filtered_and_sorted(
    line: dict[str, int], sign_in_as: Callable
) -> None:
    browser = sign_in_as("technician")
    page = browser.get("/watch/down").text
    assert "sw-dead" in page
    assert "127.0.7.7" in page
    assert "1 dead" in page
    assert "1 behind" in page
    assert "sw-dead" not in browser.get("/watch/down?state=behind").text
    assert "127.0.7.7" not in browser.get("/watch/down?q=sw-").text
    for sort in ("name", "-name", "since", "-since", "nonsense"):
        assert "sw-dead" in browser.get(f"/watch/down?sort={sort}").text


def test_pages_of_what_is_down_follow_each_other(line: dict[str, int], database: Any) -> None:
    with database.reading() as session:
        first = watch_views.down(session, sort="name", limit=1)
        second = watch_views.down(session, sort="name", page=1, limit=1)
    assert first.total == second.total == 2
    assert {first.rows[0].name, second.rows[0].name} == {"77", "sw-dead"}


def test_a_device_has_a_page_of_its_history(line: dict[str, int], sign_in_as: Callable) -> None:
    page = sign_in_as("noc").get(f"/watch/devices/{line['device']}")
    assert page.text.count("data-history-chart") == 1


def test_the_busiest_hour_is_the_darkest_and_an_unmeasured_one_is_blank() -> None:
    grid = ((-1, 0, 1, 50, 100),)
    assert [watch_views.shade(cell, grid) for cell in grid[0]] == [0, 0, 1, 3, 5]
