"""Baselines: taken from a good diagnosis only, once, by who may; and the next diagnosis reads the newest."""

from datetime import UTC
from typing import Any

import pytest
from sqlalchemy import func, select

from core import errors
from core.settings import Diagnostics
from netdiag.diagnosis import NotChecked
from registry import baselines, diagnostics, testing
from registry.models import AuditEvent, Baseline, BaselineKind, DiagnosticKind, DiagnosticStatus
from tasks import diagnosis_measured

MAC = "00:11:22:00:00:01"


def result(rtt_ms: float = 2.0, **states: str) -> dict[str, Any]:
    keys = ("account", "incident", "pop", "device", "port", "mac", "address", "quality")
    address = {"address": "127.0.9.1", "macs": [MAC], "method": "ARP", "is_live": True}
    figures = {"rtt_ms": rtt_ms, "jitter_ms": 0.2, "loss_percent": 0.0}
    port = {"device": "sw1", "name": "port 3", "oper": "up", "speed_bps": 10**9, "duplex": "full"}
    return {
        "verdict": {
            "cause": "nothing_found",
            "stage": None,
            "headline": "Nothing is wrong",
            "who": "nobody",
            "say": "Fine",
            "confidence": "high",
            "doubts": [],
            "also": [],
            "not_checked": [],
            "neighbours": "",
        },
        "stages": [
            {
                "key": one,
                "state": states.get(one, "good"),
                "words": "",
                "why_not": "",
                "age_s": 0,
                "facts": [],
            }
            for one in keys
        ],
        "measured": {"addresses": [address | figures], "port": port, "rx_dbm": -19.5},
        "took_s": 1.0,
    }


def diagnosed(session: Any, customer_id: int, found: dict[str, Any], *, is_over: bool = True) -> int:
    run = diagnostics.open_run(
        session,
        testing.person(session),
        kind=DiagnosticKind.DIAGNOSE,
        target=f"customer:{customer_id}",
        customer_id=customer_id,
        limits=Diagnostics(),
    )
    if is_over:
        diagnostics.start(session, run.id)
        diagnostics.finish(session, run.id, DiagnosticStatus.DONE, result=found)
        session.refresh(run)
    return run.id


@pytest.fixture
def koval(session):
    return testing.customer(session, addresses=["127.0.9.1"], macs=[MAC])


def test_a_good_run_becomes_the_baseline_that_the_next_diagnosis_reads(session, koval):
    olena = testing.person(session)
    assert isinstance(diagnosis_measured.baseline(None, UTC), NotChecked)
    baselines.take(session, olena, diagnosed(session, koval.id, result(9.0)), kind=BaselineKind.INSTALLATION)
    baselines.take(
        session, olena, diagnosed(session, koval.id, result()), kind=BaselineKind.REPAIR, note=" new cable "
    )
    row = baselines.newest(session, koval.id)
    assert (row.kind, row.note, row.taken_by) == (BaselineKind.REPAIR, "new cable", olena.name)
    assert (row.port, row.mac, row.duplex) == ("sw1 port 3", MAC, "full")
    evidence = diagnosis_measured.baseline(row, UTC)
    assert (evidence.rtt_ms, evidence.jitter_ms, evidence.loss_percent) == (2.0, 0.2, 0.0)
    assert (evidence.speed_bps, evidence.rx_dbm) == (10**9, -19.5)
    assert evidence.taken_on == row.taken_at.astimezone(UTC).date().isoformat()
    events = session.scalars(select(AuditEvent).where(AuditEvent.action == "baseline.taken")).all()
    assert [one.customer_id for one in events] == [koval.id, koval.id]


@pytest.mark.parametrize(
    "found",
    [
        result(address="bad"),
        result(quality="warning"),
        result(port="warning"),
        {"stages": [], "measured": {}},
    ],
)
def test_a_bad_odd_or_empty_run_is_no_baseline(session, koval, found):
    run_id = diagnosed(session, koval.id, found)
    with pytest.raises(errors.Invalid):
        baselines.take(session, testing.person(session), run_id, kind=BaselineKind.OTHER)
    assert session.scalar(select(func.count()).select_from(Baseline)) == 0


def test_a_run_that_goes_on_or_was_taken_is_refused(session, koval):
    olena = testing.person(session)
    run_id = diagnosed(session, koval.id, result())
    baselines.take(session, olena, run_id, kind=BaselineKind.OTHER)
    with pytest.raises(errors.Conflict):
        baselines.take(session, olena, run_id, kind=BaselineKind.OTHER)
    run_id = diagnosed(session, koval.id, result(), is_over=False)
    with pytest.raises(errors.Invalid):
        baselines.take(session, olena, run_id, kind=BaselineKind.OTHER)


def test_one_press_on_a_good_run_takes_it_and_the_card_shows_it(database, sign_in_as):
    with database.transaction() as session:
        customer_id = testing.customer(session, addresses=["127.0.9.1"], macs=[MAC]).id
        good = diagnosed(session, customer_id, result())
        bad = diagnosed(session, customer_id, result(port="bad"))
    noc = sign_in_as("noc")
    assert "Take baseline" in noc.fragment(f"/runs/{good}").text
    assert "Take baseline" not in noc.fragment(f"/runs/{bad}").text
    assert "No baseline was taken" in noc.fragment(f"/customers/{customer_id}/diagnostics").text
    form = {"kind": "repair", "note": "new cable"}
    url = f"/runs/{good}/baseline"
    assert sign_in_as("billing", login="bill").fragment(url, method="POST", data=form).status_code == 403
    assert noc.fragment(url, method="POST", data={"kind": "feast"}).status_code == 422
    assert noc.fragment(url, method="POST", data=form).status_code == 200
    shown = noc.fragment(f"/customers/{customer_id}/diagnostics?part=baseline").text
    assert "2 ms" in shown
    assert "1 Gbit/s" in shown
    assert "new cable" in shown
