"""The diagnosis on the card and by itself: the button, the stages while it goes on, the verdict after."""

from typing import Any

import pytest
from sqlalchemy import select

from registry import diagnostics, testing
from registry.models import DiagnosticKind, DiagnosticRun, DiagnosticStatus, Port
from tests.integration.test_web_diagnostics_pages import _empty_queues, finish

__all__ = ["_empty_queues"]

STAGES = ("account", "incident", "pop", "device", "port", "mac", "address", "quality")
RESULT: dict[str, Any] = {
    "stages": [
        {
            "key": key,
            "state": "bad" if key == "port" else "unknown" if key == "incident" else "good",
            "words": f"<b>{key}</b> words",
            "age_s": 40.0 if key == "mac" else 0.0,
            "why_not": "nobody looked" if key == "incident" else "",
            "facts": [{"name": "Speed", "value": "1 Gbit/s"}],
            "findings": [],
        }
        for key in STAGES
    ],
    "verdict": {
        "cause": "port_down",
        "stage": "port",
        "headline": "Port sw-7 port 12 has no link since 14:02",
        "who": "customer",
        "say": "Please check the cable.",
        "confidence": "medium",
        "doubts": ["The port's state is old"],
        "not_checked": [{"stage": "incident", "why": "nobody looked"}],
        "also": ["sw-7 restarted 4 min ago"],
        "neighbours": "3 neighbours on the device sw-7 are fine",
    },
    "answered": [],
    "addresses": ["127.0.9.1"],
    "took_s": 1.25,
}


@pytest.fixture
def koval(database):
    with database.transaction() as session:
        return testing.customer(session, addresses=["127.0.9.1"])


def begin(who: Any, customer_id: int) -> Any:
    return who.fragment(f"/customers/{customer_id}/diagnostics/diagnose", method="POST")


def only_run(database: Any) -> DiagnosticRun:
    with database.transaction() as session:
        return session.scalars(select(DiagnosticRun)).one()


def test_one_press_opens_a_run_of_the_whole_customer_with_all_its_stages(sign_in_as, koval, database):
    noc = sign_in_as("noc")
    page = noc.fragment(f"/customers/{koval.id}/diagnostics").text
    assert 'data-key="d"' in page
    answer = begin(noc, koval.id)
    assert answer.status_code == 200
    run = only_run(database)
    assert (run.kind, run.target) == (DiagnosticKind.DIAGNOSE, f"customer:{koval.id}")
    assert "data-diagnosis-run" in answer.text
    assert [f'data-stage="{key}"' in answer.text for key in STAGES] == [True] * 8
    assert answer.text.count("measuring") == 8
    assert begin(noc, koval.id).status_code == 429, "one at a time for a person"


def test_without_a_browser_that_runs_scripts_the_answer_is_the_runs_page(sign_in_as, koval, database):
    answer = sign_in_as("noc").post(f"/customers/{koval.id}/diagnostics/diagnose")
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith(f"/runs/{only_run(database).id}")


def test_the_finished_run_shows_the_verdict_the_stages_and_their_evidence(sign_in_as, koval, database):
    noc = sign_in_as("noc")
    begin(noc, koval.id)
    finish(database, only_run(database).id, RESULT)
    page = noc.get(f"/runs/{only_run(database).id}").text
    for words in (
        "Port sw-7 port 12 has no link since 14:02",
        "the customer",
        "“Please check the cable.”",
        "likely",
        "The port&#39;s state is old",
        "Known incident (nobody looked)",
        "sw-7 restarted 4 min ago",
        "3 neighbours on the device sw-7 are fine",
        "1 Gbit/s",
        "40 s old",
    ):
        assert words in page, words
    assert "<b>port</b>" not in page, "what the wire says is text"
    assert "measuring" not in page
    history = noc.fragment(f"/customers/{koval.id}/diagnostics?part=history").text
    assert "Port sw-7 port 12 has no link" in history
    assert "Port sw-7 port 12 has no link" in noc.get("/runs?kind=diagnose").text


def test_a_run_that_failed_shows_why_and_no_stages(sign_in_as, koval, database):
    noc = sign_in_as("noc")
    begin(noc, koval.id)
    with database.transaction() as session:
        diagnostics.finish(session, only_run(database).id, DiagnosticStatus.FAILED, error="The worker fell")
    page = noc.get(f"/runs/{only_run(database).id}").text
    assert "The worker fell" in page
    assert "data-stage=" not in page


def test_who_may_not_run_diagnostics_has_no_button(sign_in_as, koval):
    billing = sign_in_as("billing")
    assert 'data-key="d"' not in billing.fragment(f"/customers/{koval.id}/diagnostics").text
    assert begin(billing, koval.id).status_code == 403


def test_a_device_and_a_port_have_a_button_of_their_own(sign_in_as, koval, database):
    with database.transaction() as session:
        device = testing.device(session, "sw1", address="127.0.9.7")
        port = Port(device_id=device.id, if_index=3, name="ge3")
        session.add(port)
        session.flush()
        device_id, port_id = device.id, port.id
    noc = sign_in_as("noc")
    url = f"/devices/{device_id}/diagnose"
    assert noc.get(f"/setup/devices/{device_id}").text.count(f'action="{url}"') == 2
    answer = noc.post(url, data={"port_id": port_id})
    assert answer.status_code == 303
    run = only_run(database)
    assert (run.target, run.customer_id, run.device_id) == (f"port:{port_id}", None, device_id)
    page = noc.get(f"/runs/{run.id}").text
    assert "sw1 ge3" in page
    finish(database, run.id, RESULT)
    page = noc.get(f"/runs/{run.id}").text
    assert "has no link since 14:02" in page
    assert "Take baseline" not in page
