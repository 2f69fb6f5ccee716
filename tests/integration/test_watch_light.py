"""The counters round: an OLT's light reaches cards and ports; a broker that is away costs a round."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pysnmp.proto.rfc1902 import Counter64, Integer32, ObjectIdentifier, TimeTicks
from sqlalchemy import update

from core import clock, errors, secrets
from netdiag.testing import FakeSnmp
from registry import equipment, history, testing, watch_views
from registry.models import Device, DeviceRole, IpAddress, Port, SeriesKind, WatchRound
from tasks import celery_app, enqueue, watch
from tasks.runtime import Runtime

BDCOM, IFX = "1.3.6.1.4.1.3320.", "1.3.6.1.2.1.31.1.1.1."


@pytest.fixture
def olt() -> Iterator[FakeSnmp]:
    """An EPON OLT of BDCOM with two units behind port 7 and a transceiver in port 1."""
    values: dict[str, Any] = {
        "1.3.6.1.2.1.1.1.0": "BDCOM(tm) P3310C Software, Version 10.1.0F",
        "1.3.6.1.2.1.1.2.0": ObjectIdentifier(f"{BDCOM}1.222.0"),
        "1.3.6.1.2.1.1.3.0": TimeTicks(100_000),
        f"{BDCOM}9.63.1.7.1.2.1": Integer32(-540),
        f"{BDCOM}9.63.1.7.1.3.1": Integer32(-720),
    }
    for index in (1, 7):
        values |= {f"{IFX}6.{index}": Counter64(5), f"{IFX}10.{index}": Counter64(9)}
    for index, mac, rx, tx in ((101, "fcfaf7000001", -191, 21), (102, "fcfaf7000002", -275, 22)):
        values |= {
            f"{BDCOM}101.10.1.1.3.{index}": bytes.fromhex(mac),
            f"{BDCOM}101.10.1.1.26.{index}": 3,
            f"{BDCOM}101.10.5.1.5.{index}": Integer32(rx),
            f"{BDCOM}101.10.5.1.6.{index}": Integer32(tx),
        }
    with FakeSnmp(values) as agent:
        yield agent


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
def town(runtime: Runtime, olt: FakeSnmp) -> dict[str, int]:
    """Two customers behind a splitter: one's unit is on file as a device, the other's by his address alone."""
    with runtime.database.transaction() as session:
        core = testing.pop(session)
        device = testing.device(session, "olt", role=DeviceRole.OLT, address="127.0.0.1", pop_id=core.id)
        device.snmp_port = olt.port
        actor = testing.person(session)
        known = {"version": "2c", "community": "public"}
        equipment.set_credentials(session, actor, device.id, runtime.ring, snmp=known)
        splitter = testing.device(session, "box", role=DeviceRole.OTHER)
        splitter.parent_id = device.id
        one = testing.customer(session, "1", addresses=["10.0.0.1"])
        unit = testing.device(session, "onu-1", role=DeviceRole.ONU, address="10.0.0.1", customer_id=one.id)
        unit.parent_id, unit.mac = splitter.id, "fc:fa:f7:00:00:01"
        two = testing.customer(session, "2", addresses=["10.0.0.2"])
        session.execute(
            update(IpAddress).where(IpAddress.customer_id == two.id).values(mac="fc:fa:f7:00:00:02")
        )
        testing.connect(session, two.id, device.id, 7)
        session.add(Port(device_id=device.id, if_index=1, name="ge1", is_uplink=True))
        return {"one": one.id, "two": two.id, "olt": device.id, "unit": unit.id}


def do_round(runtime: Runtime) -> None:
    watch.call(runtime, lambda *_: None)
    with runtime.database.transaction() as session:
        session.execute(update(WatchRound).values(due_at=clock.now() - timedelta(seconds=1)))
    assert watch.do_round(runtime, "core", "counters")


def light_of(runtime: Runtime, views: Callable[..., Any], number: int) -> list[list[Any]]:
    """Return the points of each graph of light that a page shows."""
    now = clock.now()
    with runtime.database.reading() as session:
        shown = [view for view in views(session, number) if view.kind is SeriesKind.LEVEL]
        return [
            [
                point
                for _, point in history.read(
                    session,
                    SeriesKind.LEVEL,
                    view.id,
                    now - timedelta(hours=1),
                    now + timedelta(minutes=1),
                    interval_s=300,
                    now=now,
                    minute_days=14,
                ).points
            ]
            for view in shown
        ]


def test_the_units_light_is_on_the_cards_and_the_transceivers_on_the_devices_page(
    runtime: Runtime, town: dict[str, int], olt: FakeSnmp
) -> None:
    do_round(runtime)
    ((mine,),) = light_of(runtime, watch_views.of_customer, town["one"])
    assert (mine.avg_rx, mine.avg_tx) == (-1910, 210)
    ((other,),) = light_of(runtime, watch_views.of_customer, town["two"])
    assert (other.avg_rx, other.avg_tx) == (-2750, 220)
    ((uplink,),) = light_of(runtime, watch_views.of_device, town["olt"])
    assert (uplink.avg_rx, uplink.avg_tx) == (-720, -540)


def test_an_olt_that_falls_silent_costs_the_counters_nothing_and_a_dark_unit_has_a_gap(
    runtime: Runtime, town: dict[str, int], olt: FakeSnmp
) -> None:
    do_round(runtime)
    olt.set_value(f"{BDCOM}101.10.5.1.5.101", Integer32(-65_535))
    olt.set_value(f"{BDCOM}101.10.5.1.6.101", Integer32(-65_535))
    do_round(runtime)
    (mine,) = light_of(runtime, watch_views.of_customer, town["one"])
    (other,) = light_of(runtime, watch_views.of_customer, town["two"])
    assert (sum(one.readings for one in mine), sum(one.readings for one in other)) == (1, 2)
    olt.is_deaf = True
    do_round(runtime)
    with runtime.database.reading() as session:
        row = session.get(WatchRound, ("core", "counters"))
        assert (row.targets, row.answered, row.error) == (1, 0, "")


def test_a_unit_that_is_never_to_be_watched_has_no_light(
    runtime: Runtime, town: dict[str, int], olt: FakeSnmp
) -> None:
    with runtime.database.transaction() as session:
        session.execute(update(Device).where(Device.id == town["unit"]).values(is_unwatched=True))
    do_round(runtime)
    assert light_of(runtime, watch_views.of_customer, town["one"]) == []


def test_a_broker_that_is_away_costs_a_round_and_nothing_else(runtime: Runtime, town: dict[str, int]) -> None:
    away = celery_app.make("redis://127.0.0.1:9/0")

    def send(pop: str, kind: str, at: str, expires_s: float) -> None:
        enqueue.watch_round(away, pop, kind, at=at, expires_s=expires_s)

    with pytest.raises(errors.Unavailable):
        send("core", "devices", "core", 60)
    assert watch.call(runtime, send) == 3
    assert watch.call(runtime, send) == 0
    away.close()
    do_round(runtime)
