"""The bodies of the diagnostic jobs on real sockets: loopback pings, real SNMP agents, real streams."""

import threading
import time
from typing import Any

import pytest

from core import live
from netdiag import ping as wire_ping
from netdiag.testing import FakeSnmp
from registry import credentials, diagnostics, testing
from registry.models import Device, DeviceRole, DeviceState, DiagnosticKind, DiagnosticRun, DiagnosticStatus
from tasks import diagnose, upkeep
from tasks.runtime import Runtime

IF, IFX = "1.3.6.1.2.1.2.2.1.", "1.3.6.1.2.1.31.1.1.1."
BRIDGE_PORT = "1.3.6.1.2.1.17.1.4.1.2."
FDB_PORT, FDB_STATUS = "1.3.6.1.2.1.17.4.3.1.2.", "1.3.6.1.2.1.17.4.3.1.3."
MAC, MAC_OID = "aa:bb:cc:00:00:01", "170.187.204.0.0.1"


@pytest.fixture
def runtime(make_settings: Any, fresh_url: str, redis_url: str, need: Any):
    if not wire_ping.access().is_allowed:
        need("root")
    limits = {"unwatched_s": 5, "snmp_timeout_s": 0.3, "snmp_retries": 0}
    made = Runtime(
        make_settings(data={"database_url": fresh_url, "queue_url": redis_url}, diagnostics=limits)
    )
    yield made
    made.close()


@pytest.fixture
def koval(runtime):
    with runtime.database.transaction() as session:
        return testing.customer(session, addresses=["127.0.0.1", "127.0.9.2"], macs=[MAC, MAC])


def begin(runtime: Runtime, customer_id: int, target: str, kind=DiagnosticKind.PING, **options: Any) -> int:
    with runtime.database.transaction() as session:
        return diagnostics.open_run(
            session,
            testing.person(session),
            kind=kind,
            target=target,
            customer_id=customer_id,
            limits=runtime.settings.diagnostics,
            options=options,
        ).id


def read(runtime: Runtime, run_id: int) -> DiagnosticRun:
    with runtime.database.transaction() as session:
        return diagnostics.get(session, run_id)


def result_of(runtime: Runtime, customer_id: int, target: str, kind: DiagnosticKind) -> dict[str, Any]:
    run_id = begin(runtime, customer_id, target, kind)
    diagnose.run(runtime, run_id)
    row = read(runtime, run_id)
    assert row.status is DiagnosticStatus.DONE, row.error
    assert row.result is not None
    return row.result


def add_agent(runtime: Runtime, agent: FakeSnmp, **fields: Any) -> Device:
    with runtime.database.transaction() as session:
        device = testing.device(session, "sw1", address="127.0.0.1", **fields)
        device.snmp_port = agent.port
        credentials.set_snmp(device, runtime.ring, version="2c", community="public")
        return device


def switch_values(bridge_port: int = 5) -> dict[str, Any]:
    return {
        "1.3.6.1.2.1.1.1.0": "A switch",
        "1.3.6.1.2.1.1.3.0": 360_000,
        "1.3.6.1.2.1.1.5.0": "sw-attic",
        f"{IF}2.3": "Port 3",
        f"{IF}7.3": 1,
        f"{IF}8.3": 1,
        f"{IFX}1.3": "ge3",
        f"{BRIDGE_PORT}5": 3,
        f"{BRIDGE_PORT}6": 4,
        f"{FDB_PORT}{MAC_OID}": bridge_port,
        f"{FDB_STATUS}{MAC_OID}": 3,
    }


# --- ping


def test_a_ping_tells_every_reply_and_ends_with_its_result(runtime, koval):
    run_id = begin(runtime, koval.id, "127.0.0.1", count=4, interval_s=0.2, size=1400)
    diagnose.run(runtime, run_id)
    events = live.replay(runtime.redis, run_id)
    assert [event.kind for event in events] == ["started", *["reply"] * 4, "summary", "end"]
    replies = [event.values for event in events if event.kind == "reply"]
    assert [reply["seq"] for reply in replies] == [1, 2, 3, 4]
    assert all(reply["rtt_ms"] < 100 and reply["size"] >= 1400 for reply in replies)
    assert replies[-1]["so_far"]["received"] == 4
    assert events[-1].values["status"] == "done"
    row = read(runtime, run_id)
    assert row.status is DiagnosticStatus.DONE
    assert (row.result["sent"], row.result["received"], row.result["ended_by"]) == (4, 4, "count")


def test_a_job_delivered_twice_pings_once(runtime, koval):
    run_id = begin(runtime, koval.id, "127.0.0.1", count=1)
    diagnose.run(runtime, run_id)
    diagnose.run(runtime, run_id)
    kinds = [event.kind for event in live.replay(runtime.redis, run_id)]
    assert kinds.count("started") == kinds.count("end") == 1


def test_a_stop_ends_the_ping_within_a_second_and_says_by_whom(runtime, koval):
    run_id = begin(runtime, koval.id, "127.0.0.1", count=600, interval_s=30)
    worker = threading.Thread(target=diagnose.run, args=(runtime, run_id))
    worker.start()
    wait_for(lambda: any(event.kind == "reply" for event in live.replay(runtime.redis, run_id)))
    asked = time.monotonic()
    live.ask_stop(runtime.redis, run_id)
    worker.join(10)
    assert time.monotonic() - asked < 5
    row = read(runtime, run_id)
    assert (row.status, row.result["ended_by"]) == (DiagnosticStatus.STOPPED, "person")


def test_a_ping_nobody_looks_at_ends_by_itself(runtime, koval):
    run_id = begin(runtime, koval.id, "127.0.0.1", count=600, interval_s=0.5)
    began = time.monotonic()
    diagnose.run(runtime, run_id)
    assert 4 < time.monotonic() - began < 40
    assert read(runtime, run_id).result["ended_by"] == "unwatched"


def test_the_limit_of_minutes_ends_a_watched_ping(runtime, koval):
    run_id = begin(runtime, koval.id, "127.0.0.1", count=2)
    watch = diagnose.Watch(runtime, run_id, limit_s=0.0)
    assert watch.should_stop()
    assert watch.ended_by == "limit"


def test_a_worker_that_is_asked_to_stop_ends_its_pings_first(runtime, koval):
    run_id = begin(runtime, koval.id, "127.0.0.1", count=600, interval_s=30)
    runtime.is_stopping.set()
    diagnose.run(runtime, run_id)
    row = read(runtime, run_id)
    assert (row.status, row.result["ended_by"]) == (DiagnosticStatus.STOPPED, "restart")


def test_a_run_that_cannot_be_measured_says_so(runtime, koval):
    run_id = begin(runtime, koval.id, "127.0.0.1", DiagnosticKind.LOCATE_MAC)
    diagnose.run(runtime, run_id)
    row = read(runtime, run_id)
    assert row.status is DiagnosticStatus.FAILED
    assert "No switch with SNMP access" in row.error
    assert live.replay(runtime.redis, run_id)[-1].values == {"status": "failed", "error": row.error}


def test_a_run_whose_worker_died_is_ended_in_the_row_and_on_the_stream(runtime, koval):
    run_id = begin(runtime, koval.id, "127.0.0.1")
    with runtime.database.transaction() as session:
        diagnostics.start(session, run_id)
    live.hold(runtime.redis, run_id, 60)
    upkeep.tidy_runs(runtime)
    assert read(runtime, run_id).status is DiagnosticStatus.RUNNING
    runtime.redis.delete(f"live:{run_id}:held")
    upkeep.tidy_runs(runtime)
    assert read(runtime, run_id).status is DiagnosticStatus.FAILED
    (event,) = live.replay(runtime.redis, run_id)
    assert event.values == {"status": "failed", "error": "The probe worker fell silent"}


# --- SNMP


def test_the_status_of_a_port_is_read_kept_and_names_its_macs(runtime, koval):
    with FakeSnmp(switch_values()) as agent:
        device = add_agent(runtime, agent)
        with runtime.database.transaction() as session:
            port = testing.connect(session, koval.id, device.id, 3, name="ge3")
        found = result_of(runtime, koval.id, f"port:{port.id}", DiagnosticKind.SNMP_STATUS)
    assert (found["state"], found["system"]["name"], found["port"]) == ("answered", "sw-attic", "ge3")
    assert found["ports"][0]["oper"] == "up"
    assert found["ports"][0]["gap_s"] is not None
    assert [one["mac"] for one in found["macs"]] == [MAC]
    with runtime.database.transaction() as session:
        kept = session.get_one(Device, device.id)
    assert kept.state is DeviceState.ANSWERED
    assert kept.last_status["system"]["name"] == "sw-attic"
    assert kept.last_status_at is not None


def test_silence_refusal_and_denial_are_told_apart(runtime, koval):
    with FakeSnmp(switch_values()) as agent:
        device = add_agent(runtime, agent, customer_id=koval.id, role=DeviceRole.CPE)
        target, kind = f"device:{device.id}", DiagnosticKind.SNMP_STATUS
        assert result_of(runtime, koval.id, target, kind)["state"] == "answered"
        agent.is_deaf = True
        assert result_of(runtime, koval.id, target, kind)["state"] == "silent"
        agent.is_deaf = False
        with runtime.database.transaction() as session:
            wrong = {"user": "noc", "auth_protocol": "SHA", "auth_key": "wrong-auth-key"}
            credentials.set_snmp(session.get_one(Device, device.id), runtime.ring, version="3", **wrong)
        found = result_of(runtime, koval.id, target, kind)
        assert found["state"] == "denied"
        assert found["words"]
    assert result_of(runtime, koval.id, target, kind)["state"] == "refused"
    with runtime.database.transaction() as session:
        kept = session.get_one(Device, device.id)
    assert kept.state is DeviceState.REFUSED
    assert kept.last_status["system"]["name"] == "sw-attic", "the last status known stays"


@pytest.mark.parametrize(
    ("bridge_port", "if_index", "wanted"),
    [(5, 3, "same"), (6, 3, "different"), (5, None, "no_port_on_file"), (0, 3, "nowhere")],
)
def test_the_mac_is_located_and_compared_with_the_port_on_file(runtime, koval, bridge_port, if_index, wanted):
    with FakeSnmp(switch_values(bridge_port)) as agent:
        with runtime.database.transaction() as session:
            pop_id = testing.pop(session).id
        device = add_agent(runtime, agent, pop_id=pop_id)
        if if_index is not None:
            with runtime.database.transaction() as session:
                testing.connect(session, koval.id, device.id, if_index)
        found = result_of(runtime, koval.id, "127.0.0.1", DiagnosticKind.LOCATE_MAC)
    assert found["comparison"] == wanted
    assert found["asked"] == [{"device": "sw1", "error": ""}]


def test_a_mac_behind_an_uplink_is_on_another_switch(runtime, koval):
    with FakeSnmp(switch_values()) as agent:
        device = add_agent(runtime, agent)
        with runtime.database.transaction() as session:
            testing.connect(session, koval.id, device.id, 9)
            testing.connect(session, testing.customer(session, "2").id, device.id, 3).is_uplink = True
        found = result_of(runtime, koval.id, "127.0.0.1", DiagnosticKind.LOCATE_MAC)
        assert found["comparison"] == "behind_uplink"
        agent.is_deaf = True
        found = result_of(runtime, koval.id, "127.0.0.1", DiagnosticKind.LOCATE_MAC)
    assert found["comparison"] == "unknown"


# --- MAC


def test_the_gateway_is_asked_for_a_mac_behind_it_and_the_file_is_compared(runtime):
    arp = {"1.3.6.1.2.1.4.22.1.2.3.198.51.100.7": bytes.fromhex("aabbcc000002"), f"{IF}1.3": 3}
    with FakeSnmp(arp) as agent:
        gateway = add_agent(runtime, agent, role=DeviceRole.ROUTER)
        with runtime.database.transaction() as session:
            testing.pop(session)
            home = testing.network(session, "198.51.100.0/24", gateway_id=gateway.id)
            far = testing.customer(
                session, "7", addresses=["198.51.100.7", "198.51.100.8"], macs=[MAC], network_id=home.id
            )
        found = result_of(runtime, far.id, "198.51.100.7", DiagnosticKind.MAC_LOOKUP)
        assert found["method"] == "router"
        assert [one["mac"] for one in found["macs"]] == ["aa:bb:cc:00:00:02"]
        assert (found["comparison"], found["mac_on_file"], found["gateway"]) == ("different", MAC, "sw1")
        unknown = result_of(runtime, far.id, "198.51.100.8", DiagnosticKind.MAC_LOOKUP)
    assert (unknown["comparison"], unknown["method"]) == ("none_seen", None)
    assert unknown["why_not"]


def test_a_gateway_without_credentials_is_named_among_what_was_tried(runtime):
    with runtime.database.transaction() as session:
        gateway = testing.device(session, "gw", role=DeviceRole.ROUTER)
        gateway.snmp_version = "2c"
        testing.pop(session)
        home = testing.network(session, "198.51.100.0/24", gateway_id=gateway.id)
        far = testing.customer(session, "7", addresses=["198.51.100.7"], network_id=home.id)
    found = result_of(runtime, far.id, "198.51.100.7", DiagnosticKind.MAC_LOOKUP)
    assert found["comparison"] == "none_seen"
    assert any("gw" in way for way in found["tried"])


def wait_for(is_so: Any, timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)
