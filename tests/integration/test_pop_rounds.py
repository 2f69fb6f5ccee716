"""Gear in a POP with a box, on whose machine alone the functions of the wire are done: gates, rounds, light."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from pysnmp.proto.rfc1902 import Counter64, Gauge32, Integer32, ObjectIdentifier, TimeTicks
from sqlalchemy import select, update

from billing import access, suspensions
from billing import testing as money
from billing.models import AccessState, LockReason, SubscriptionAccess
from core import clock, secrets
from core.settings import Settings
from netdiag.snmp import message
from netdiag.testing import FakeSnmp
from registry import audit, equipment, history, line_gates, lines, testing, watch_views
from registry.models import (
    DeviceRole,
    IpAddress,
    LineGate,
    PortReading,
    SeriesKind,
    WatchRound,
    WatchState,
    WatchStatus,
)
from tasks import access as tasks_access
from tasks import watch
from tasks.runtime import Runtime
from tests import pop_broker, routeros_site

ACTOR = audit.Actor(None, "a test")
BDCOM, IFX, IF = "1.3.6.1.4.1.3320.", "1.3.6.1.2.1.31.1.1.1.", "1.3.6.1.2.1.2.2.1."
ADMIN, IN, UPTIME = (message.oid_tuple(oid) for oid in (f"{IF}7.7", f"{IFX}6.7", "1.3.6.1.2.1.1.3.0"))


@dataclass
class Pop:
    """A POP with its box at work, an OLT and a router there, and a customer's line at a gate of each kind."""

    runtime: Runtime
    olt: FakeSnmp
    router: routeros_site.Site
    stop: Callable[[], None]
    by_port: int = 0
    by_list: int = 0
    customer: int = 0
    port: int = 0

    def subscription(self, key: int) -> SubscriptionAccess:
        with self.runtime.database.reading() as session:
            return session.get_one(SubscriptionAccess, key)

    def round(self, kind: str, *, ago_s: int = 300) -> None:
        """Do a round of the POP as the worker beside the core does; readings are `ago_s` old."""
        watch.call(self.runtime, lambda *_: None)
        now = clock.now()
        with self.runtime.database.transaction() as session:
            session.execute(update(PortReading).values(at=now - timedelta(seconds=ago_s)))
            session.execute(update(WatchRound).values(due_at=now - timedelta(seconds=1)))
        assert watch.do_round(self.runtime, "north", kind)

    def last_round(self, kind: str) -> tuple[int, int, str]:
        query = select(WatchRound).where(WatchRound.pop == "north", WatchRound.kind == kind)
        with self.runtime.database.reading() as session:
            row = session.scalars(query).one()
            return row.targets or 0, row.answered or 0, row.error

    def graph(self, views: Callable[..., Any], kind: SeriesKind, number: int) -> Any:
        """Return the last point of the only graph of its kind a page shows."""
        now = clock.now()
        since, until = now - timedelta(hours=1), now + timedelta(minutes=1)
        with self.runtime.database.reading() as session:
            (view,) = [one for one in views(session, number) if one.kind is kind]
            read = history.read(session, kind, view.id, since, until, interval_s=300, now=now, minute_days=14)
        return read.points[-1][1]


def optical() -> dict[str, Any]:
    """Return what an EPON OLT of BDCOM tells: a unit behind port 7, of which octets and state are told too."""
    return {
        "1.3.6.1.2.1.1.1.0": "BDCOM(tm) P3310C Software, Version 10.1.0F",
        "1.3.6.1.2.1.1.2.0": ObjectIdentifier(f"{BDCOM}1.222.0"),
        "1.3.6.1.2.1.1.3.0": TimeTicks(100_000),
        f"{IF}7.7": Integer32(1),
        f"{IFX}1.7": "EPON0/7",
        f"{IFX}6.7": Counter64(2**63 + 5),
        f"{IFX}10.7": Counter64(9),
        f"{IFX}15.7": Gauge32(1000),
        f"{BDCOM}101.10.1.1.3.101": bytes.fromhex("fcfaf7000001"),
        f"{BDCOM}101.10.1.1.26.101": 3,
        f"{BDCOM}101.10.5.1.5.101": Integer32(-191),
        f"{BDCOM}101.10.5.1.6.101": Integer32(21),
    }


def settings_for(url: str, broker: pop_broker.Broker, folder: Any) -> Settings:
    return Settings.model_validate(
        {
            "web": {"secret_key": "x" * 43},
            "data": {"folder": str(folder), "database_url": url, "queue_url": broker.url},
            "secrets": {"keys": [secrets.new_key()]},
            "pops": {"address": "localhost:1", "taken_s": 2},
            "diagnostics": {"snmp_timeout_s": 0.4, "snmp_retries": 0},
            "watch": {"probes": 2, "timeout_s": 0.3},
        }
    )


def _line(pop: Pop, number: str, gate: LineGate, address: str) -> tuple[int, int]:
    with pop.runtime.database.transaction() as session:
        today = clock.now().date()
        sample = money.subscriber(session, starts_on=today - timedelta(days=40), today=today)
        customer = testing.customer(session, number)
        customer.account_id = sample.account_id
        session.flush()
        key = sample.subscription_id
        line = lines.attach(session, key, customer.id, actor=ACTOR, gate_id=gate.id, today=today)
        # No gateway forwards a loopback address, and no packet of a test goes to another one.
        cidr, at = ("127.0.0.0/8", "north") if address.startswith("127.") else ("192.0.2.0/24", "core")
        home = testing.network(session, cidr, pop_id=testing.pop(session, at, is_alive=False).id)
        row = IpAddress(address=address, network_id=home.id, customer_id=customer.id, line_id=line.id)
        row.mac = "fc:fa:f7:00:00:01" if number == "1" else None
        session.add(row)
        access.ensure(session, key, today=today)
        return customer.id, key


def _fill(pop: Pop) -> None:
    ring = pop.runtime.ring
    with pop.runtime.database.transaction() as session:
        north = testing.pop(session, "north", is_alive=False).id
        device = testing.device(session, "olt", role=DeviceRole.OLT, address="127.0.0.1", pop_id=north)
        device.snmp_port, olt = pop.olt.port, device.id
        # The agent answers SNMPv3 alone to writes: the keys have to come through sealed, too.
        known = {"version": "3", "user": "noc", "auth_protocol": "SHA", "auth_key": "noc-auth-key"}
        known |= {"priv_protocol": "AES", "priv_key": "noc-priv-key"}
        equipment.set_credentials(session, testing.person(session), olt, ring, snmp=known)
        ports = line_gates.create(session, ACTOR, name="ports", kind="snmp_port", options={}, pop_id=north)
        options = {"host": "127.0.0.1", "port": pop.router.port, "door": "api"}
        router = line_gates.create(
            session, ACTOR, name="border", kind="routeros", options=options, pop_id=north,
            secrets={"password": "s3cret"}, ring=ring,
        )  # fmt: skip
    pop.customer, pop.by_port = _line(pop, "1", ports, "127.9.0.1")
    _, pop.by_list = _line(pop, "2", router, "192.0.2.7")
    with pop.runtime.database.transaction() as session:
        pop.port = testing.connect(session, pop.customer, olt, 7, name="EPON0/7").id


@pytest.fixture(scope="module")
def pop(make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pop]:
    with (
        pop_broker.running() as broker,
        FakeSnmp(optical(), writable=[f"{IF}7.7"]) as olt,
        routeros_site.serve("api") as router,
    ):
        runtime = Runtime(settings_for(make_database(), broker, tmp_path_factory.mktemp("core")))
        with runtime.database.transaction() as session:
            testing.pop(session, "core")
            testing.pop(session, "north", is_alive=False)
        with pop_broker.at_work(runtime, broker, "north") as box:
            made = Pop(runtime, olt, router, box.stop)
            _fill(made)
            yield made
        runtime.close()


def _lock(pop: Pop, *keys: int) -> None:
    with pop.runtime.database.transaction() as session:
        suspensions.place(session, keys, LockReason.MANUAL, owner="test", note="", today=clock.now().date())


def _lift(pop: Pop, *keys: int) -> None:
    with pop.runtime.database.transaction() as session:
        suspensions.lift(session, keys, LockReason.MANUAL, by="test")


def test_ports_and_address_lists_in_a_pop_are_closed_read_back_and_opened_by_its_box(pop: Pop) -> None:
    both = (pop.by_port, pop.by_list)
    _lock(pop, *both)
    tasks_access.sweep(pop.runtime)
    found = [pop.subscription(key) for key in both]
    assert [(one.applied, one.error) for one in found] == [(AccessState.CLOSED, None)] * 2
    assert int(pop.olt.state.values[ADMIN]) == 2
    assert pop.router.router.on_list("linecard-closed") == {"192.0.2.7"}
    tasks_access.observe(pop.runtime)
    assert [pop.subscription(key).observed for key in both] == [AccessState.CLOSED] * 2
    _lift(pop, *both)
    tasks_access.sweep(pop.runtime)
    tasks_access.observe(pop.runtime)
    found = [pop.subscription(key) for key in both]
    assert [(one.applied, one.observed) for one in found] == [(AccessState.OPEN,) * 2] * 2
    assert int(pop.olt.state.values[ADMIN]) == 1
    assert pop.router.router.on_list("linecard-closed") == set()


def test_what_the_gear_refuses_is_told_at_the_gate_in_its_words_and_without_its_secrets(pop: Pop) -> None:
    pop.router.router.users["linecard"].password = "changed by somebody"
    _lock(pop, pop.by_list)
    tasks_access.sweep(pop.runtime)
    assert pop.subscription(pop.by_list).applied is AccessState.OPEN
    with pop.runtime.database.reading() as session:
        gate = line_gates.find(session, "border")
    assert gate is not None
    assert "login as linecard refused" in gate.error
    assert "s3cret" not in gate.error
    pop.router.router.users["linecard"].password = "s3cret"
    _lift(pop, pop.by_list)


def test_traffic_and_light_of_gear_in_a_pop_are_read_by_its_box(pop: Pop) -> None:
    pop.round("counters")
    values = pop.olt.state.values
    values[IN] = Counter64(int(values[IN]) + 3000)
    values[UPTIME] = TimeTicks(int(values[UPTIME]) + 30_000)
    pop.round("counters")
    assert pop.last_round("counters") == (1, 1, "")
    used = pop.graph(watch_views.of_customer, SeriesKind.CUSTOMER, pop.customer)
    assert used[1:3] == (3000, 0)
    light = pop.graph(watch_views.of_customer, SeriesKind.LEVEL, pop.customer)
    assert (light.avg_rx, light.avg_tx) == (-1910, 210)


def test_the_customers_of_a_pop_are_swept_by_its_box_and_nobodys_state_changes_when_it_is_gone(
    pop: Pop,
) -> None:
    pop.round("customers")
    assert pop.last_round("customers") == (1, 1, "")

    def states() -> set[WatchState]:
        with pop.runtime.database.reading() as session:
            measured = WatchStatus.state != WatchState.UNKNOWN
            return set(session.scalars(select(WatchStatus.state).where(measured)))

    assert states() == {WatchState.ALIVE}
    pop.stop()
    pop.round("customers")
    targets, answered, words = pop.last_round("customers")
    assert (targets, answered) == (0, 0)
    assert "No worker of POP north took the job within 2 s" in words
    assert states() == {WatchState.ALIVE}
