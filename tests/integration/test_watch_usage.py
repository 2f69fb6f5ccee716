"""Counters polled to usage by port and by customer, and RADIUS accounting folded into it."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pysnmp.proto.rfc1902 import Counter64, Gauge32, TimeTicks
from sqlalchemy import func, select, text, update

from core import clock, secrets
from netdiag.snmp import message
from netdiag.testing import FakeSnmp
from registry import equipment, history, radius, testing, usage
from registry.models import (
    Device,
    DeviceState,
    Port,
    PortReading,
    RadiusSession,
    RadiusUsage,
    SeriesKind,
    SeriesRound,
    WatchRound,
)
from tasks import watch
from tasks.runtime import Runtime

IFX, IF = "1.3.6.1.2.1.31.1.1.1.", "1.3.6.1.2.1.2.2.1."


@pytest.fixture
def runtime(make_settings: Callable[..., Any], fresh_url: str, redis_url: str) -> Iterator[Runtime]:
    made = Runtime(
        make_settings(
            data={"database_url": fresh_url, "queue_url": redis_url},
            secrets={"keys": [secrets.new_key()]},
            diagnostics={"snmp_timeout_s": 0.4, "snmp_retries": 0},
        )
    )
    yield made
    made.close()


@pytest.fixture
def switch() -> Iterator[FakeSnmp]:
    values: dict[str, Any] = {"1.3.6.1.2.1.1.3.0": TimeTicks(100_000)}
    for index in (1, 2, 3):
        values |= {
            f"{IFX}6.{index}": Counter64(2**40 * index),
            f"{IFX}10.{index}": Counter64(2**41 * index),
            f"{IFX}15.{index}": Gauge32(1000),
        }
    with FakeSnmp(values) as agent:
        yield agent


def pass_by(agent: FakeSnmp, index: int, octets_in: int, octets_out: int, seconds: int = 300) -> None:
    """Let octets go through a port of the agent, and its clock go on."""
    found = agent.state.values
    for oid, more in ((f"{IFX}6.{index}", octets_in), (f"{IFX}10.{index}", octets_out)):
        key = message.oid_tuple(oid)
        found[key] = Counter64(int(found[key]) + more)
    key = message.oid_tuple("1.3.6.1.2.1.1.3.0")
    found[key] = TimeTicks(int(found[key]) + 100 * seconds)


@pytest.fixture
def town(runtime: Runtime, switch: FakeSnmp) -> dict[str, int]:
    """A switch with customers on three ports: one alone, two who share one, nobody on the third."""
    with runtime.database.transaction() as session:
        core = testing.pop(session)
        device = testing.device(session, "sw", address="127.0.0.1", pop_id=core.id)
        device.snmp_port = switch.port
        actor = testing.person(session)
        equipment.set_credentials(
            session, actor, device.id, runtime.ring, snmp={"version": "2c", "community": "public"}
        )
        made = {number: testing.customer(session, number).id for number in ("1", "2", "3")}
        testing.connect(session, made["1"], device.id, 1)
        testing.connect(session, made["2"], device.id, 2)
        testing.connect(session, made["3"], device.id, 2)
        session.add(Port(device_id=device.id, if_index=3, name="free"))
        return made | {"device": device.id}


def poll(runtime: Runtime, *, ago_s: float = 300) -> None:
    """Do a round of counters, the last readings being `ago_s` old."""
    watch.call(runtime, lambda *_: None)
    now = clock.now()
    with runtime.database.transaction() as session:
        session.execute(update(PortReading).values(at=now - timedelta(seconds=ago_s)))
        session.execute(update(WatchRound).values(due_at=now - timedelta(seconds=1)))
    assert watch.do_round(runtime, "core", "counters")


def read(runtime: Runtime, kind: SeriesKind, **subject: int) -> list[Any]:
    with runtime.database.reading() as session:
        series_id = history.find(session, kind, **subject)
        if series_id is None:
            return []
        now = clock.now()
        since, until = now - timedelta(hours=2), now + timedelta(minutes=5)
        found = history.read(session, kind, series_id, since, until, interval_s=300, now=now, minute_days=14)
        return [point for _, point in found.points]


def ports(runtime: Runtime) -> dict[int, int]:
    with runtime.database.reading() as session:
        return {row.if_index: row.id for row in session.scalars(select(Port))}


def test_what_went_through_is_the_ports_and_its_only_customers(
    runtime: Runtime, town: dict[str, int], switch: FakeSnmp
) -> None:
    poll(runtime)
    assert read(runtime, SeriesKind.CUSTOMER, customer_id=town["1"]) == []
    pass_by(switch, 1, 3000, 90_000_000_000)
    pass_by(switch, 2, 50, 60, seconds=0)
    poll(runtime)
    keys = ports(runtime)
    ((seconds, octets_in, octets_out, _, peak),) = read(runtime, SeriesKind.CUSTOMER, customer_id=town["1"])
    assert (seconds, octets_in, octets_out) == (300, 3000, 90_000_000_000)
    assert peak == 90_000_000_000 * 8 / 300
    assert [point[1:3] for point in read(runtime, SeriesKind.PORT, port_id=keys[1])] == [
        (3000, 90_000_000_000)
    ]
    assert [point[1:3] for point in read(runtime, SeriesKind.PORT, port_id=keys[2])] == [(50, 60)]
    assert read(runtime, SeriesKind.CUSTOMER, customer_id=town["2"]) == []
    assert read(runtime, SeriesKind.PORT, port_id=keys[3]) == []


def test_a_restart_and_a_pause_are_gaps_and_counting_goes_on_after_them(
    runtime: Runtime, town: dict[str, int], switch: FakeSnmp
) -> None:
    poll(runtime)
    pass_by(switch, 1, 7, 7)
    poll(runtime, ago_s=4000)
    uptime = message.oid_tuple("1.3.6.1.2.1.1.3.0")
    switch.state.values[uptime] = TimeTicks(5)
    poll(runtime)
    assert read(runtime, SeriesKind.PORT, port_id=ports(runtime)[1]) == []
    pass_by(switch, 1, 11, 13)
    poll(runtime)
    assert [point[1:3] for point in read(runtime, SeriesKind.PORT, port_id=ports(runtime)[1])] == [(11, 13)]


def test_a_silent_switch_is_noted_as_silent_and_keeps_its_last_values(
    runtime: Runtime, town: dict[str, int], switch: FakeSnmp
) -> None:
    poll(runtime)
    with runtime.database.reading() as session:
        assert session.get(Device, town["device"]).state is DeviceState.ANSWERED
    switch.is_deaf = True
    poll(runtime)
    with runtime.database.reading() as session:
        assert session.get(Device, town["device"]).state is DeviceState.SILENT
        row = session.get(WatchRound, ("core", "counters"))
        assert (row.targets, row.answered, row.error) == (1, 0, "")
        assert session.scalar(select(func.count()).select_from(PortReading)) == 2


def test_a_device_marked_as_never_watched_is_not_read(
    runtime: Runtime, town: dict[str, int], switch: FakeSnmp
) -> None:
    with runtime.database.transaction() as session:
        session.execute(update(Device).values(is_unwatched=True))
        assert usage.meters(session, "core", "core") == []
    poll(runtime)
    assert not switch.requests


def report(session: Any, status: str, seconds: int, octets_in: int, octets_out: int, **more: Any) -> None:
    """Write as FreeRADIUS does: an insert into the table, with the octets of 32 bits and their gigawords."""
    values = {
        "status_type": status,
        "session_id": "5f3a",
        "nas": "10.0.0.1",
        "username": "1",
        "session_time_s": seconds,
        "in_octets": octets_in % 2**32,
        "in_gigawords": octets_in >> 32,
        "out_octets": octets_out % 2**32,
        "out_gigawords": octets_out >> 32,
        "received_at": clock.now() - timedelta(minutes=5),
    }
    session.add(RadiusUsage(**values | more))
    session.flush()


def test_the_reports_of_a_session_become_usage_to_the_octet(runtime: Runtime, town: dict[str, int]) -> None:
    with runtime.database.transaction() as session:
        report(session, "Start", 0, 0, 0)
        report(session, "Interim-Update", 300, 1000, 2**32 - 5)
    assert watch.fold_radius(runtime) == 2
    with runtime.database.transaction() as session:
        report(session, "Interim-Update", 600, 5000, 2**33 + 7)
        report(session, "Interim-Update", 600, 5000, 2**33 + 7)
        report(session, "Stop", 650, 5001, 2**33 + 8)
    assert watch.fold_radius(runtime) == 3
    assert watch.fold_radius(runtime) == 0
    points = read(runtime, SeriesKind.RADIUS, customer_id=town["1"])
    assert sum(point.in_octets for point in points) == 5001
    assert sum(point.out_octets for point in points) == 2**33 + 8
    assert sum(point.seconds for point in points) == 650
    with runtime.database.reading() as session:
        (row,) = session.scalars(select(RadiusSession))
        assert row.ended_at is not None
        assert session.scalar(select(func.count(RadiusUsage.id))) == 0


def test_a_session_is_known_by_its_address_too_and_a_strangers_is_nobodys(
    runtime: Runtime, town: dict[str, int]
) -> None:
    with runtime.database.transaction() as session:
        four = testing.customer(session, "4", addresses=["127.9.9.9"]).id
        report(session, "Interim-Update", 60, 5, 6, username="pppoe-user", framed_ip="127.9.9.9")
        report(session, "Interim-Update", 60, 5, 6, username="stranger", session_id="other")
    watch.fold_radius(runtime)
    assert [point[:3] for point in read(runtime, SeriesKind.RADIUS, customer_id=four)] == [(60, 5, 6)]
    with runtime.database.reading() as session:
        assert session.scalar(select(func.count(SeriesRound.id))) == 1


def query_of_the_manual(**said: str) -> str:
    """Return the query docs/operating.md gives FreeRADIUS, expanded as its SQL module does."""
    manual = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
    found = re.search(r'^query = "(INSERT INTO radius_usage .*?)"$', manual, re.MULTILINE | re.DOTALL)
    assert found is not None
    plain = re.sub(r"\\\n\s*", "", found.group(1))
    # %{%{Name}:-0} is the attribute, or 0 where the packet has none.
    plain = re.sub(r"%\{%\{([\w-]+)\}:-(\w+)\}", lambda hit: said.get(hit[1], hit[2]), plain)
    return re.sub(r"%\{([\w-]+)\}", lambda hit: said.get(hit[1], ""), plain)


def test_one_who_may_only_insert_can_report_as_the_manual_says(
    runtime: Runtime, town: dict[str, int]
) -> None:
    packet = {
        "Acct-Status-Type": "Interim-Update",
        "Acct-Session-Id": "a",
        "NAS-IP-Address": "10.0.0.1",
        "User-Name": "1",
        "Acct-Session-Time": "60",
        "Acct-Input-Octets": "1",
        "Acct-Output-Octets": "2",
        "Acct-Output-Gigawords": "1",
    }
    start = {name: value for name, value in packet.items() if "Octets" not in name and "word" not in name}
    with runtime.database.transaction() as session:
        session.execute(text("CREATE ROLE test_radius_writer"))
        session.execute(text("GRANT INSERT ON radius_usage TO test_radius_writer"))
        session.execute(text("SET LOCAL ROLE test_radius_writer"))
        cursor = session.connection().connection.cursor()
        for said in (start | {"Acct-Status-Type": "Start", "Acct-Session-Time": "0"}, packet):
            cursor.execute(query_of_the_manual(**said))
        session.execute(text("RESET ROLE"))
        session.execute(text("REVOKE ALL ON radius_usage FROM test_radius_writer"))
        session.execute(text("DROP ROLE test_radius_writer"))
    assert watch.fold_radius(runtime) == 2
    found = read(runtime, SeriesKind.RADIUS, customer_id=town["1"])
    assert sum(point.seconds for point in found) == 60
    assert (sum(one.in_octets for one in found), sum(one.out_octets for one in found)) == (1, 2**32 + 2)


def test_the_manual_tells_every_column_of_the_table_as_it_is(runtime: Runtime) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
    told = dict(re.findall(r"^\| `(\w+)` \| (\w[\w ()]*?) \|", manual, re.MULTILINE))
    with runtime.database.reading() as session:
        query = text(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a"
            " WHERE a.attrelid = 'radius_usage'::regclass AND a.attnum > 0 AND NOT a.attisdropped"
        )
        columns = dict(session.execute(query).all())
    assert {name: told.get(name) for name in columns} == columns


def test_a_session_past_midnight_is_each_days_in_its_part(runtime: Runtime, town: dict[str, int]) -> None:
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    with runtime.database.transaction() as session:
        before, after = midnight - timedelta(minutes=2), midnight + timedelta(minutes=13)
        report(session, "Interim-Update", 300, 1000, 2000, received_at=before)
        report(session, "Interim-Update", 1200, 10_000, 92_000, received_at=after)
    watch.fold_radius(runtime)
    days = []
    with runtime.database.reading() as session:
        series_id = history.find(session, SeriesKind.RADIUS, customer_id=town["1"])
        for begin in (midnight - timedelta(days=1), midnight):
            found = history.read(
                session,
                SeriesKind.RADIUS,
                series_id,
                begin,
                begin + timedelta(days=1),
                interval_s=300,
                now=clock.now(),
                minute_days=14,
            )
            days.append([sum(point[place] for _, point in found.points) for place in range(3)])
    assert days == [[420, 2200, 14_000], [780, 7800, 78_000]]


def test_ended_sessions_are_forgotten(session: Any) -> None:
    now = clock.now()
    for number, days in enumerate((1, 3)):
        session.add(
            RadiusSession(
                session_id=str(number),
                nas="",
                at=now - timedelta(days=days),
                in_octets=0,
                out_octets=0,
                session_time_s=0,
                ended_at=now - timedelta(days=days),
            )
        )
    session.flush()
    radius.forget(session, now)
    assert [row.session_id for row in session.scalars(select(RadiusSession))] == ["0"]
