"""A gate tried from its page: by whom, what it says, what of it stays, and what is said when nobody answers."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from core import clock
from core.secrets import Ring
from core.settings import Settings
from gates import GateUnreachable
from gates.testing import FakeGate
from netdiag.testing import FakeSnmp
from registry import audit, credentials, gate_tries, line_gates, testing
from registry.gate_tries import TryState
from registry.models import AuditEvent, GateTry, LineGate, Port
from tasks import gate_tries as tasks_tries
from tasks.runtime import Runtime

OLENA = audit.Actor(None, "Olena")
Work = Callable[..., None]


@pytest.fixture
def runtime(database: Any, web_settings: Settings) -> Iterator[Runtime]:
    made = Runtime(web_settings)
    made._database = database
    yield made
    made.close()


@pytest.fixture
def work(runtime: Runtime) -> Work:
    """What the worker does with the try that waits; a gate of the kind dry_run is the fake given."""

    def do(gate: Any = None) -> None:
        with runtime.database.reading() as session:
            (waiting,) = session.scalars(select(GateTry.id).where(GateTry.ended_at.is_(None)))
        if gate is None:
            tasks_tries.run(runtime, waiting)
        else:
            tasks_tries.run(runtime, waiting, lambda *_: gate)

    return do


def _add(database: Any, kind: str = "dry_run", **fields: Any) -> int:
    with database.transaction() as session:
        gate = line_gates.create(session, OLENA, name="Gw", kind=kind, options={}, **fields)
        return gate.id


def test_a_gate_is_tried_by_a_press_and_what_it_found_stays_on_both_pages(
    sign_in_as: Any, database: Any, work: Work
) -> None:
    gate_id, admin = _add(database), sign_in_as("administrator")
    assert "never tried" in admin.get("/setup/gates").text
    url = f"/setup/gates/{gate_id}/try"
    assert admin.post(url).location == f"/setup/gates/{gate_id}"
    again = admin.fragment(url, method="POST").text
    assert "waits for a worker" in again
    assert 'hx-trigger="every 1s"' in again
    gear = FakeGate()
    work(gear)
    assert gear.calls == []
    for page in (admin.get(f"/setup/gates/{gate_id}").text, admin.fragment(url).text):
        for words in ("tried: all in order", "A fake gate with 0 lines closed", "Administrator Person"):
            assert words in page
        assert "every 1s" not in page
    assert "tried: all in order" in sign_in_as("noc").get("/setup/gates").text
    with database.reading() as session:
        assert len(session.scalars(select(AuditEvent).where(AuditEvent.action == "gate.checked")).all()) == 1
        gate = session.get_one(LineGate, gate_id)
        assert (gate.error, gate.failures) == ("", 0)


def test_a_try_that_fails_says_why_and_the_gate_is_not_left_alone_for_it(
    sign_in_as: Any, database: Any, work: Work
) -> None:
    gate_id, admin = _add(database), sign_in_as("administrator")
    admin.post(f"/setup/gates/{gate_id}/try")
    work(FakeGate(failures=[GateUnreachable("192.0.2.1 does not answer")]))
    admin.post(f"/setup/gates/{gate_id}/try")
    work()
    page = admin.get(f"/setup/gates/{gate_id}").text
    assert "nothing on the network is touched" in page
    assert "Earlier tries" in page
    assert "192.0.2.1 does not answer" in page
    with database.reading() as session:
        assert session.get_one(LineGate, gate_id).paused_until is None


def test_a_try_nobody_takes_says_so_and_can_be_asked_for_anew(sign_in_as: Any, database: Any) -> None:
    gate_id, admin = _add(database), sign_in_as("administrator")
    url = f"/setup/gates/{gate_id}/try"
    for taken_at, words in ((None, "No worker of POP core took it"), (1, "did not come back")):
        admin.post(url)
        long_ago = clock.now() - timedelta(seconds=gate_tries.ENDED_S + 60)
        with database.transaction() as session:
            values = {"asked_at": long_ago, "taken_at": long_ago if taken_at else None}
            session.execute(update(GateTry).where(GateTry.ended_at.is_(None)).values(**values))
            (late,) = session.scalars(select(GateTry.id).where(GateTry.ended_at.is_(None)))
            assert gate_tries.take(session, late, clock.now()) is None
        page = admin.fragment(url).text
        assert "nobody answered" in page
        assert words in page
        assert "every 1s" not in page
    admin.post(url)
    with database.reading() as session:
        now = clock.now()
        states = [one.state for one in gate_tries.of_gate(session, gate_id, now)]
    assert states == [TryState.WAITING, TryState.FAILED, TryState.FAILED]


def test_a_try_goes_to_the_worker_that_tells_the_gate(database: Any, work: Work) -> None:
    with database.transaction() as session:
        north = testing.pop(session, "north", is_alive=False).id
    gate_id, now = _add(database, "nftables", pop_id=north), clock.now()
    with database.transaction() as session:
        asked = gate_tries.ask(session, OLENA, gate_id, default_pop="core", now=now)
        assert asked is not None
        assert asked[1] == "core"
        assert gate_tries.ask(session, OLENA, gate_id, default_pop="core", now=now) is None
    work()
    with database.transaction() as session:
        (one,) = gate_tries.of_gate(session, gate_id, now)
        assert (one.state, one.error[:44]) == (
            TryState.FAILED,
            "No worker of POP north is there to tell its ",
        )
        testing.pop(session, "north")
        asked = gate_tries.ask(session, OLENA, gate_id, default_pop="core", now=now)
        assert asked is not None
        assert asked[1] == "north"


def test_a_gate_of_switch_ports_reads_a_port_on_file_with_what_opens_its_switch(
    database: Any, runtime: Runtime, work: Work
) -> None:
    told = {"1.3.6.1.2.1.1.1.0": "Brand X", "1.3.6.1.2.1.2.2.1.7.3": 1, "1.3.6.1.2.1.31.1.1.1.1.3": "ge3"}
    gate_id = _add(database, "snmp_port")
    with FakeSnmp(told, community="s3cret") as switch, database.transaction() as session:
        device = testing.device(session, "switch", address="127.0.0.1")
        device.snmp_port, device.snmp_version = switch.port, "2c"
        session.add(Port(device_id=device.id, name="ge3", if_index=3))
        ring = Ring([key.get_secret_value() for key in runtime.settings.secrets.keys])
        credentials.set_snmp(device, ring, version="2c", community="s3cret")
        gate_tries.ask(session, OLENA, gate_id, default_pop="core", now=clock.now())
        session.flush()
        work()
        (one,) = gate_tries.of_gate(session, gate_id, clock.now())
    assert one.error == ""
    assert one.findings[0]["words"] == "port ge3 of 127.0.0.1: Brand X; ge3 is set up"
