"""The diagnostics block, the runs' pages and the stream, as browsers see them."""

import json
import re
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from core import clock, live
from registry import diagnostic_block, diagnostics, testing, upkeep
from registry.models import (
    AuditEvent,
    DeviceRole,
    DiagnosticKind,
    DiagnosticRun,
    DiagnosticStatus,
    IpAddress,
    StaffSession,
)
from tasks import celery_app
from webapp.diagnostics import stream

MAC = "aa:bb:cc:00:00:02"


@pytest.fixture
def koval(database):
    with database.transaction() as session:
        return testing.customer(session, addresses=["127.0.9.1", "127.0.9.2"], macs=["aa:bb:cc:00:00:01"])


@pytest.fixture(autouse=True)
def _empty_queues(redis_url):
    app = celery_app.make(redis_url)
    yield
    with app.connection_for_write() as connection:
        for name in ("probe.core", "work"):
            box = connection.SimpleQueue(name)
            box.clear()
            box.close()
    app.close()


@pytest.fixture
def noc(sign_in_as):
    return sign_in_as("noc")


def runs(database: Any) -> list[DiagnosticRun]:
    with database.transaction() as session:
        return list(session.scalars(select(DiagnosticRun).order_by(DiagnosticRun.id)))


def finish(database: Any, run_id: int, result: dict[str, Any], status=DiagnosticStatus.DONE) -> None:
    with database.transaction() as session:
        diagnostics.start(session, run_id)
        diagnostics.finish(session, run_id, status, result=result)


def start(noc: Any, customer_id: int, kind: str, **form: Any) -> Any:
    return noc.fragment(f"/customers/{customer_id}/diagnostics/{kind}", method="POST", data=form)


def messages(answer: Any, wanted: int) -> list[dict[str, Any]]:
    found = []
    for chunk in answer.response:
        text = chunk.decode() if isinstance(chunk, bytes) else chunk
        for line in text.splitlines():
            if line.startswith("data: "):
                found.append(json.loads(line[6:]))
        if len(found) >= wanted:
            break
    return found


# --- the block


def test_the_block_offers_addresses_sizes_and_says_when_nothing_can_be_pinged(noc, koval, database):
    page = noc.fragment(f"/customers/{koval.id}/diagnostics").text
    assert "127.0.9.1" in page
    assert 'value="1400"' in page
    assert "Nothing can be pinged" not in page
    assert 'id="panel-diagnostics"' in page
    with database.transaction() as session:
        facts = {"ping": {"is_allowed": False, "method": None, "advice": "sysctl net.ipv4.ping_group_range"}}
        upkeep.beat(session, "probe.core", facts)
    page = noc.fragment(f"/customers/{koval.id}/diagnostics").text
    assert "sysctl net.ipv4.ping_group_range" in page
    assert noc.fragment("/customers/999999/diagnostics").status_code == 404


def test_several_addresses_are_pinged_at_once(noc, koval, database):
    answer = start(noc, koval.id, "ping", target=["127.0.9.1", "127.0.9.2"], count="3", size="1400")
    assert answer.status_code == 200
    assert [run.target for run in runs(database)] == ["127.0.9.1", "127.0.9.2"]
    assert [run.options["size"] for run in runs(database)] == [1400, 1400]
    assert answer.text.count("data-ping-run") == 2
    assert answer.text.count("data-run-open") == 2
    panel = noc.fragment(f"/customers/{koval.id}/diagnostics").text
    assert panel.count("data-run-open") == 2, "who opens the card joins the runs"


def test_the_same_again_is_refused_in_words_and_the_new_one_begins(noc, koval, database):
    start(noc, koval.id, "ping", target="127.0.9.1")
    answer = start(noc, koval.id, "ping", target="127.0.9.1")
    assert answer.status_code == 429
    assert "already run a ping" in answer.text
    answer = start(noc, koval.id, "ping", target=["127.0.9.1", "127.0.9.2"])
    assert answer.status_code == 200
    assert "already run a ping" in answer.headers["HX-Trigger"]
    assert len(runs(database)) == 2


def test_a_foreign_address_and_no_address_are_refused(noc, koval, database):
    assert start(noc, koval.id, "ping", target="8.8.8.8").status_code == 404
    assert start(noc, koval.id, "ping").status_code == 422
    assert start(noc, koval.id, "ping", target="127.0.9.1", count="0").status_code == 422
    assert runs(database) == []


def test_without_htmx_the_run_has_a_page(noc, koval, database):
    answer = noc.post(f"/customers/{koval.id}/diagnostics/mac", data={"target": "127.0.9.1"})
    (run,) = runs(database)
    assert (answer.status_code, answer.location) == (303, f"/runs/{run.id}")
    assert run.kind is DiagnosticKind.MAC_LOOKUP
    assert "MAC lookup" in noc.get(f"/runs/{run.id}").text


def test_no_living_worker_is_said_before_anything_waits(noc, koval, database):
    with database.transaction() as session:
        upkeep.stop_beating(session, "probe.core")
    answer = start(noc, koval.id, "ping", target="127.0.9.1")
    assert answer.status_code == 503
    assert "No probe worker is alive" in answer.text
    assert runs(database) == []


def test_every_kind_has_its_result_in_words(noc, koval, database):
    with database.transaction() as session:
        cpe = testing.device(session, "cpe", role=DeviceRole.CPE, address="127.0.9.7", customer_id=koval.id)
        cpe.snmp_version = "2c"
        switch = testing.device(session, "sw1", address="127.0.9.8")
        port = testing.connect(session, koval.id, switch.id, 3, name="ge3")
    start(noc, koval.id, "mac", target="127.0.9.1")
    start(noc, koval.id, "locate", target="127.0.9.1")
    start(noc, koval.id, "snmp", target=f"device:{cpe.id}")
    start(noc, koval.id, "snmp", target=f"port:{port.id}")
    panel = noc.fragment(f"/customers/{koval.id}/diagnostics").text
    assert "sw1 ge3" in panel
    found = [run.id for run in runs(database)]
    for run_id, result in zip(found, RESULTS, strict=True):
        finish(database, run_id, result)
    pages = [noc.fragment(f"/runs/{run_id}").text for run_id in found]
    assert "Another MAC than the one on file" in pages[0]
    assert "Store this MAC" in pages[0]
    assert "ARP table of the gateway gw1" in pages[0]
    assert "another port than the one on file (sw1 ge3)" in pages[1]
    assert "denies these credentials" in pages[2]
    assert "1 Gbit/s" in pages[3]
    assert MAC in pages[3]
    listing = noc.get("/runs").text
    assert listing.count("row-link") == 4
    assert "not the one on file" in listing
    assert noc.get("/runs?kind=locate_mac&mine=1").text.count("row-link") == 1
    assert "Locate the MAC" in noc.fragment(f"/customers/{koval.id}/diagnostics?part=history").text


PORT = {
    "if_index": 3, "name": "ge3", "description": "", "alias": "house 3", "admin": "up", "oper": "up",
    "speed_bps": 10**9, "duplex": "full", "mtu": 1500, "mac": None, "last_change_s": 61.0, "in_octets": 1,
    "out_octets": 1, "in_errors": 0, "out_errors": 2, "in_discards": 0, "out_discards": 0, "in_bps": 1500.0,
    "out_bps": 2_500_000.0, "in_errors_per_s": 0.0, "out_errors_per_s": 0.0, "in_discards_per_s": 0.0,
    "out_discards_per_s": 0.0, "gap_s": 1.0, "is_counter_reset": False,
}  # fmt: skip
SYSTEM = {
    "name": "sw1", "description": "A switch", "object_id": "1.3", "uptime_s": 90_000.0, "location": "",
    "contact": "",
}  # fmt: skip
RESULTS: tuple[dict[str, Any], ...] = (
    {
        "address": "127.0.9.1", "method": "router", "interface": None, "is_duplicate": False, "why_not": None,
        "macs": [{"mac": MAC, "vendor": "Acme", "is_random": False, "answers": 1}], "tried": ["ARP table"],
        "mac_on_file": "aa:bb:cc:00:00:01", "comparison": "different", "gateway": "gw1",
    },
    {
        "mac": MAC, "comparison": "different", "on_file": ["sw1 ge3"], "asked": [{"device": "sw1", "error": ""}],
        "places": [{
            "mac": MAC, "vlan": 7, "bridge_port": 5, "if_index": 4, "port_name": "ge4", "status": "learned",
            "device_id": 1, "device": "sw1", "is_uplink": False, "is_on_file": False,
        }],
    },
    {"state": "denied", "words": "wrong digest", "device": "cpe", "port": None},
    {
        "state": "answered", "words": "", "device": "sw1", "port": "ge3", "host": "127.0.9.8",
        "system": SYSTEM, "ports": [PORT], "at": 1.0, "macs": [{"mac": MAC, "vlan": 7}],
    },
)  # fmt: skip


# --- one run


def test_stop_ends_a_queued_run_and_says_so_on_the_stream(noc, koval, database, redis_client):
    start(noc, koval.id, "ping", target="127.0.9.1")
    (run,) = runs(database)
    assert noc.fragment(f"/runs/{run.id}/stop", method="POST").status_code == 204
    assert runs(database)[0].status is DiagnosticStatus.STOPPED
    assert live.is_stop_asked(redis_client, run.id)
    assert live.replay(redis_client, run.id)[-1].values["status"] == "stopped"
    assert noc.post(f"/runs/{run.id}/stop").status_code == 303
    assert noc.post("/runs/999999/stop").status_code == 404


def test_the_mac_found_is_stored_by_one_click(noc, koval, database):
    start(noc, koval.id, "mac", target="127.0.9.1")
    (run,) = runs(database)
    finish(database, run.id, RESULTS[0])
    answer = noc.fragment(f"/runs/{run.id}/store-mac", method="POST", data={"mac": MAC})
    assert "on file now" in answer.text
    assert "addresses-changed" in answer.headers["HX-Trigger"]
    with database.transaction() as session:
        row = session.scalars(select(IpAddress).where(IpAddress.address == "127.0.9.1")).one()
        assert row.mac == MAC
        assert "address.mac_stored" in session.scalars(select(AuditEvent.action)).all()
    assert noc.post(f"/runs/{run.id}/store-mac", data={"mac": "aa:bb:cc:00:00:09"}).status_code == 422


def test_billing_sees_the_runs_but_starts_and_stops_none(sign_in_as, noc, koval, database):
    start(noc, koval.id, "ping", target="127.0.9.1")
    (run,) = runs(database)
    clerk = sign_in_as("billing")
    panel = clerk.fragment(f"/customers/{koval.id}/diagnostics").text
    assert "data-run-open" in panel
    assert "data-stop" not in panel
    assert clerk.post(f"/runs/{run.id}/stop").status_code == 403
    assert start(clerk, koval.id, "ping", target="127.0.9.1").status_code == 403


# --- the stream


def test_a_late_viewer_and_one_who_reconnects_miss_nothing(noc, koval, database, redis_client):
    start(noc, koval.id, "ping", target=["127.0.9.1", "127.0.9.2"])
    first, second = (run.id for run in runs(database))
    for run_id in (first, second):
        live.publish(redis_client, run_id, "reply", {"seq": 1, "rtt_ms": 1.5})
    answer = noc.get(f"/runs/events?run={first}&run={second}", headers={"Accept": "text/event-stream"})
    assert answer.mimetype == "text/event-stream"
    assert answer.headers["X-Accel-Buffering"] == "no"
    chunks = iter(answer.response)
    text = "".join(_text(next(chunks)) for _ in range(3))
    answer.close()
    assert text.startswith("retry: ")
    assert live.is_watched(redis_client, first)
    place = re.findall(r"id: (\S+)", text)[-1]
    assert sorted(stream.positions(place)) == [first, second]
    for run_id in (first, second):
        live.publish(redis_client, run_id, "reply", {"seq": 2, "rtt_ms": None})
        live.publish(redis_client, run_id, "end", {"status": "done", "error": ""})
    again = noc.get(f"/runs/events?run={first}&run={second}", headers={"Last-Event-ID": place})
    told = messages(again, 4)
    assert sorted((one["run"], one["kind"]) for one in told) == [
        (first, "end"), (first, "reply"), (second, "end"), (second, "reply"),
    ]  # fmt: skip
    assert {one["seq"] for one in told if one["kind"] == "reply"} == {2}
    later = noc.get(f"/runs/events?run={first}&after={place}")
    assert [one["kind"] for one in messages(later, 2)] == ["reply", "end"]


def _text(chunk: Any) -> str:
    return chunk.decode() if isinstance(chunk, bytes) else str(chunk)


def test_a_finished_run_whose_stream_is_gone_is_answered_from_the_row(noc, koval, database):
    start(noc, koval.id, "ping", target="127.0.9.1")
    (run,) = runs(database)
    finish(database, run.id, {"sent": 3, "received": 3, "loss_percent": 0.0})
    answer = noc.get(f"/runs/events?run={run.id}&run=999999")
    told = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert [(one["run"], one["kind"]) for one in told] == [
        (run.id, "summary"), (run.id, "end"), (999999, "end"),
    ]  # fmt: skip
    assert told[0]["sent"] == 3
    assert told[2]["status"] == "gone"


def test_a_run_that_ends_while_it_is_watched_ends_the_stream(noc, koval, database, redis_client):
    start(noc, koval.id, "ping", target="127.0.9.1")
    (run,) = runs(database)

    def work() -> None:
        for sequence in range(1, 4):
            time.sleep(0.05)
            live.publish(redis_client, run.id, "reply", {"seq": sequence, "rtt_ms": 1.0})
        live.publish(redis_client, run.id, "end", {"status": "done", "error": ""})

    worker = threading.Thread(target=work)
    worker.start()
    answer = noc.get(f"/runs/events?run={run.id}")
    assert re.findall(r'"kind":"(\w+)"', answer.text) == ["reply"] * 3 + ["end"]
    worker.join()


def test_whoever_loses_the_right_loses_the_stream(noc, koval, database, web_app):
    start(noc, koval.id, "ping", target="127.0.9.1")
    (run,) = runs(database)
    with noc.session_transaction() as cookie:
        token = cookie["token"]
    made = web_app.extensions["linecard"]
    follower = stream.Follower(made, token, {run.id: live.FIRST}, threading.Event())
    assert follower.look()
    with database.transaction() as session:
        for browser in session.scalars(select(StaffSession)):
            session.delete(browser)
    assert not follower.look()
    assert noc.get(f"/runs/events?run={run.id}").status_code == 303


def test_the_stream_ends_when_the_server_is_stopping(noc, koval, database, web_app):
    start(noc, koval.id, "ping", target="127.0.9.1")
    (run,) = runs(database)
    stopping = threading.Event()
    web_app.extensions[stream.STOPPING] = stopping
    began = time.monotonic()
    stopping.set()
    answer = noc.get(f"/runs/events?run={run.id}")
    assert "data:" not in answer.text
    assert time.monotonic() - began < 20


def test_a_row_that_ended_without_its_stream_ends_the_watch(noc, koval, database, web_app):
    start(noc, koval.id, "ping", target="127.0.9.1")
    (run,) = runs(database)
    follower = stream.Follower(web_app.extensions["linecard"], "", {run.id: live.FIRST}, threading.Event())
    with database.transaction() as session:
        row = diagnostics.get(session, run.id)
        row.status, row.error = DiagnosticStatus.FAILED, "The probe worker fell silent"
        row.finished_at = clock.now() - timedelta(seconds=10)
    with database.transaction() as session:
        follower.known = {run.id: diagnostic_block.view(diagnostics.get(session, run.id))}
    (line,) = follower._overtaken()
    assert '"status":"failed"' in line


@pytest.mark.parametrize("query", ["", "run=", "run=x"])
def test_a_stream_of_nothing_is_refused(noc, query):
    assert noc.get(f"/runs/events?{query}").status_code == 422


def test_places_that_make_no_sense_are_left_out():
    assert stream.positions("17=169-0;18=170-1") == {17: "169-0", 18: "170-1"}
    assert stream.positions("17=x;;=;18=170;19=1-2-3;20=1-2") == {20: "1-2"}
