"""The pages of watching: the card's panel, a device's, the graphs' JSON, and what is down."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, text, update

from core import clock
from registry import history, testing, usage, watch_down, watch_views
from registry.models import (
    AuditEvent,
    Device,
    IpAddress,
    Pop,
    RoundKind,
    SeriesKind,
    WatchRound,
    WatchState,
    WatchStatus,
)
from registry.series_codec import PingPoint, usage_moment
from registry.watch_down import DownFilter

NOW = clock.now().replace(microsecond=0)


@pytest.fixture
def line(database: Any) -> dict[str, int]:
    """A customer with an address that died, two hours of echoes with a gap, and some usage; a dead switch."""
    with database.transaction() as session:
        customer = testing.customer(session, "77", addresses=["127.0.7.7"])
        ip_id = session.query(IpAddress.id).filter_by(customer_id=customer.id).scalar()
        ping = usage.ensure_series(session, SeriesKind.PING, "ip_id", [ip_id])[ip_id]
        octets = usage.ensure_series(session, SeriesKind.CUSTOMER, "customer_id", [customer.id])[customer.id]
        pop_id = testing.pop(session).id
        switch = testing.device(session, "sw-dead", address="127.0.7.1", pop_id=pop_id)
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
    return {"customer": customer.id, "ping": ping, "octets": octets, "device": switch.id, "pop": pop_id}


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


def test_a_day_that_was_chosen_is_told_minute_by_minute(
    line: dict[str, int], database: Any, sign_in_as: Callable
) -> None:
    browser = sign_in_as("noc")
    with database.transaction() as session:
        for minute in range(1, 60):
            at = NOW - timedelta(hours=2) + timedelta(minutes=minute)
            history.note(session, SeriesKind.PING, at, {line["ping"]: PingPoint(1, 0, 2.0, 2.5, 3.0)})
    day = {"from": (NOW - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")}
    page = browser.get(f"/customers/{line['customer']}/watch", query_string=day).text
    url = re.search(rf'data-url="(/watch/series/{line["ping"]}[^"]*)"', page).group(1).replace("&amp;", "&")
    assert "fine=1" in url
    fine = browser.get(url).json
    assert fine["step_s"] == 60
    assert sum(value is not None for value in fine["columns"][1]) >= 24 + 59 - 12
    assert browser.get(url.replace("fine=1", "")).json["step_s"] == 300


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
    for narrowed in ("state=behind", "kind=customer", "q=127.0.7.7", "q=koval", "q=77"):
        text = browser.get(f"/watch/down?{narrowed}").text
        assert "sw-dead" not in text, narrowed
        assert "127.0.7.7" in text, narrowed
    for narrowed in ("state=dead", "kind=gear", "q=sw-", "q=127.0.7.1"):
        text = browser.get(f"/watch/down?{narrowed}").text
        assert "sw-dead" in text, narrowed
        assert "127.0.7.7" not in text, narrowed
    assert "sw-dead" in browser.get(f"/watch/down?pop={line['pop']}").text
    assert "sw-dead" not in browser.get(f"/watch/down?pop={line['pop'] + 1}").text
    for nonsense in ("state=lost", "kind=1", "pop=x", "q=%00", "sort=age", "after=!", "before=e30"):
        assert "sw-dead" in browser.get(f"/watch/down?{nonsense}").text, nonsense
    for sort in ("name", "-name", "since", "-since"):
        assert "sw-dead" in browser.get(f"/watch/down?sort={sort}").text


@pytest.mark.parametrize("sort", ["since", "-since", "name", "-name"])
def test_pages_of_what_is_down_follow_each_other_and_lead_back(fresh_database: Any, sort: str) -> None:
    with fresh_database.transaction() as session:
        addresses = [f"127.0.9.{last}" for last in range(1, 8)]
        testing.customer(session, "9", addresses=addresses)
        ips = list(session.scalars(select(IpAddress.id)))
        for number, series_id in enumerate(
            usage.ensure_series(session, SeriesKind.PING, "ip_id", ips).values()
        ):
            # Two each fell silent at the same moment: the page still ends between them.
            at = NOW - timedelta(minutes=number // 2)
            session.add(WatchStatus(series_id=series_id, state=WatchState.DEAD, since=at, died_at=at))
    with fresh_database.reading() as session:
        whole = watch_down.page(session, DownFilter(), sort=sort, limit=100)
        order = [row.status.series_id for row in whole.rows]
        assert len(order) == whole.total == 7
        assert (whole.next, whole.previous) == (None, None)
        pages, mark = [], None
        for _ in range(3):
            found = watch_down.page(session, DownFilter(), sort=sort, after=mark, limit=3)
            pages.append([row.status.series_id for row in found.rows])
            mark = found.next or mark
        assert pages == [order[:3], order[3:6], order[6:]]
        assert found.next is None
        back = watch_down.page(session, DownFilter(), sort=sort, after=found.previous, limit=3)
        assert [row.status.series_id for row in back.rows] == order[3:6]
        assert (
            watch_down.page(session, DownFilter(), sort=sort, after=back.previous, limit=3).previous is None
        )


def test_the_dead_are_counted_for_the_rail_from_the_index_of_those_who_are_down(fresh_database: Any) -> None:
    """On 50,000 who answer and 150 who are dead the badge reads the partial index, and no further than 100."""
    with fresh_database.transaction() as session:
        home = testing.network(session, "10.0.0.0/8", pop_id=testing.pop(session).id)
        owner = testing.customer(session, "many")
        statements = f"""
            INSERT INTO ip_addresses (address, network_id, customer_id)
            SELECT '10.0.0.0'::inet + n, {home.id}, {owner.id} FROM generate_series(1, 50000) n;
            INSERT INTO watch_series (kind, ip_id) SELECT 'ping', id FROM ip_addresses;
            INSERT INTO watch_statuses (series_id, since, state)
            SELECT id, now(), CASE WHEN id % 333 = 0 THEN 'dead' ELSE 'alive' END FROM watch_series;
            ANALYZE watch_statuses
        """
        for statement in statements.split(";"):
            session.execute(text(statement))
        assert watch_down.count_dead(session) == watch_down.MOST_COUNTED
        session.execute(text("UPDATE watch_statuses SET state = 'alive' WHERE series_id % 999 <> 0"))
        assert watch_down.count_dead(session) == 50
        plan = _plan(session)
        assert "ix_watch_statuses_down" in plan, plan


def _plan(session: Any) -> str:
    """Return how the badge's statement is done, as the database says of the very one that is sent."""
    sent: list[tuple[Any, ...]] = []
    bind = session.get_bind()
    event.listen(bind, "before_cursor_execute", lambda *args: sent.append(args))
    watch_down.count_dead(session)
    _, _, statement, values, *_ = sent[-1]
    cursor = session.connection().connection.cursor()
    cursor.execute(f"EXPLAIN {statement}", values)
    return "\n".join(row[0] for row in cursor.fetchall())


def test_the_rail_tells_how_many_are_dead_and_where_one_is(
    line: dict[str, int], sign_in_as: Callable
) -> None:
    browser = sign_in_as("noc")
    page = browser.get("/watch/down").text
    assert re.search(r'rail-count">1<span class="visually-hidden">&nbsp;dead', page)

    def here(path: str) -> list[str]:
        return re.findall(r'<a href="[^"]*" title="([^"]*)"[^>]*aria-current="page"', browser.get(path).text)

    assert here("/watch/down") == ["What is down"]
    assert here(f"/customers/{line['customer']}/watch") == ["Customers"]
    assert here(f"/watch/devices/{line['device']}") == ["Network devices"]


def test_card_and_field_say_alike_how_a_target_stands(
    line: dict[str, int], database: Any, sign_in_as: Callable
) -> None:
    browser = sign_in_as("noc")
    card = browser.get(f"/customers/{line['customer']}").text
    assert "behind a dead one" in card
    with database.transaction() as session:
        session.execute(update(IpAddress).values(is_unwatched=True))
    assert "not watched" in browser.get(f"/customers/{line['customer']}").text


def test_a_device_has_a_page_of_its_history(line: dict[str, int], sign_in_as: Callable) -> None:
    page = sign_in_as("noc").get(f"/watch/devices/{line['device']}")
    assert page.text.count("data-history-chart") == 1


def test_a_device_is_left_out_of_watching_for_a_reason_that_stays_beside_it(
    line: dict[str, int], database: Any, sign_in_as: Callable
) -> None:
    browser = sign_in_as("administrator")
    form = f"/setup/devices/{line['device']}/edit"
    with database.reading() as session:
        device = session.get(Device, line["device"])
        values = {"name": "sw-dead", "type_id": device.type_id, "address": "127.0.7.1", "snmp_port": 161}
    refused = browser.post(form, data=values | {"is_unwatched": "y", "unwatched_why": " "})
    assert refused.status_code == 422
    assert 'id="unwatched_why-error"' in refused.text
    assert (
        browser.post(form, data=values | {"is_unwatched": "y", "unwatched_why": "a lab box"}).status_code
        == 303
    )
    page = browser.get(f"/setup/devices/{line['device']}").text
    assert "a lab box" in page
    with database.reading() as session:
        device = session.get(Device, line["device"])
        assert (device.is_unwatched, bool(device.unwatched_by), bool(device.unwatched_at)) == (True,) * 3
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
        assert event.changes["unwatched_why"] == ["", "a lab box"]
        assert event.staff_name == device.unwatched_by
    assert browser.post(form, data=values).status_code == 303
    with database.reading() as session:
        device = session.get(Device, line["device"])
        assert (device.is_unwatched, device.unwatched_why, device.unwatched_at) == (False, "", None)


def test_an_address_is_left_out_of_watching_on_the_card(
    line: dict[str, int], database: Any, sign_in_as: Callable
) -> None:
    browser = sign_in_as("noc")
    with database.reading() as session:
        ip_id = session.scalar(select(IpAddress.id))
    path = f"/customers/{line['customer']}/edit/ips/{ip_id}"
    values = {"device_id": "", "line_id": "", "is_unwatched": "y"}
    refused = browser.post(path, data=values, headers={"HX-Request": "true"})
    assert refused.status_code == 422
    assert "Write why it is not to be watched" in refused.text
    saved = browser.post(
        path, data=values | {"unwatched_why": "asked not to"}, headers={"HX-Request": "true"}
    )
    assert saved.status_code == 200
    assert "not watched" in saved.text
    assert "asked not to" in saved.text


def test_a_pop_gets_its_own_pace_and_tells_how_its_rounds_go(
    line: dict[str, int], database: Any, sign_in_as: Callable
) -> None:
    browser = sign_in_as("administrator")
    form = f"/setup/pops/{line['pop']}"
    assert "Empty: 300 s, as for all." in browser.get(form).text
    refused = browser.post(form, data={"name": "Core", "device_watch_s": "5", "customer_watch_s": "99999"})
    assert refused.status_code == 422
    assert 'id="device_watch_s-error"' in refused.text
    assert 'id="customer_watch_s-error"' in refused.text
    assert browser.post(form, data={"name": "Core", "device_watch_s": "20"}).status_code == 303
    with database.transaction() as session:
        pop = session.get(Pop, line["pop"])
        assert (pop.device_watch_s, pop.customer_watch_s) == (20, None)
        for kind, late_s in ((RoundKind.DEVICES, 90), (RoundKind.CUSTOMERS, -100)):
            due_at = clock.now() - timedelta(seconds=late_s)
            session.add(
                WatchRound(
                    pop=pop.code, kind=kind, due_at=due_at, finished_at=due_at, targets=40, answered=39
                )
            )
    page = browser.get("/setup/pops?sort=-lag").text
    assert re.search(r"late by 9\d s", page)
    assert page.count("late by") == 1
    assert "39 of 40 answered" in page


def test_the_busiest_hour_is_the_darkest_and_an_unmeasured_one_is_blank() -> None:
    grid = ((-1, 0, 1, 50, 100),)
    assert [watch_views.shade(cell, grid) for cell in grid[0]] == [0, 0, 1, 3, 5]
