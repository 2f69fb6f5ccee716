"""The panel of MACs: what it gathers, and putting the one that was seen on file."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from core import clock, errors
from core.settings import Diagnostics
from registry import diagnostics, mac_truth, networks, testing
from registry.mac_truth import Truth
from registry.models import AuditEvent, DiagnosticKind, DiagnosticRun, DiagnosticStatus, IpAddress

OLD, NEW = "00:11:22:00:00:01", "00:11:22:00:00:02"
ADDRESS = "127.0.9.1"


def saw(session: Any, customer_id: int, *macs: str) -> int:
    run = diagnostics.open_run(
        session,
        testing.person(session),
        kind=DiagnosticKind.MAC_LOOKUP,
        target=ADDRESS,
        customer_id=customer_id,
        limits=Diagnostics(),
    )
    diagnostics.start(session, run.id)
    result = {"macs": [{"mac": one} for one in macs], "method": "arp", "tried": []}
    diagnostics.finish(session, run.id, DiagnosticStatus.DONE, result=result)
    session.flush()
    return run.id


@pytest.fixture
def koval(session):
    return testing.customer(session, addresses=[ADDRESS], macs=[OLD])


def row_of(session: Any, customer_id: int) -> mac_truth.Row:
    session.expire_all()
    return mac_truth.load(session, customer_id).rows[0]


def test_nothing_is_concluded_before_anybody_looked_or_when_it_is_too_old(session, koval):
    assert row_of(session, koval.id).truth is Truth.UNKNOWN
    run_id = saw(session, koval.id, NEW)
    assert row_of(session, koval.id).truth is Truth.SWAPPED
    old = clock.now() - mac_truth.FRESH - timedelta(minutes=1)
    session.execute(update(DiagnosticRun).where(DiagnosticRun.id == run_id).values(finished_at=old))
    found = row_of(session, koval.id)
    assert (found.truth, found.is_old, found.adoptable) == (Truth.UNKNOWN, True, None)


def test_what_a_diagnosis_measured_counts_and_says_where_it_was_learned(session, koval):
    run = diagnostics.open_run(
        session,
        testing.person(session),
        kind=DiagnosticKind.DIAGNOSE,
        target=f"customer:{koval.id}",
        customer_id=koval.id,
        limits=Diagnostics(),
    )
    diagnostics.start(session, run.id)
    measured = {
        "addresses": [{"address": ADDRESS, "macs": [OLD], "method": "ARP", "is_live": True}],
        "learned": [OLD, NEW],
        "learned_at": ["sw1", "port 3"],
    }
    diagnostics.finish(session, run.id, DiagnosticStatus.DONE, result={"measured": measured})
    found = row_of(session, koval.id)
    assert found.truth is Truth.SAME
    assert [(one.mac, one.device, one.port) for one in found.places] == [(OLD, "sw1", "port 3")]


def test_a_mac_of_another_customer_is_named_and_cannot_be_adopted(session, koval):
    other = testing.customer(session, "1002", addresses=["127.0.9.2"], macs=[NEW])
    saw(session, koval.id, NEW)
    found = row_of(session, koval.id)
    assert (found.truth, found.owners[NEW].customer_id, found.adoptable) == (Truth.OTHERS, other.id, None)
    with pytest.raises(errors.Invalid, match="1002"):
        mac_truth.adopt(session, testing.person(session), koval.id, ADDRESS, NEW)


def test_a_mac_that_was_anothers_is_told_by_history_and_may_be_adopted(session, koval):
    other = testing.customer(session, "1002", addresses=["127.0.9.2"])
    noc = testing.person(session)
    networks.set_mac(session, noc, other.id, "127.0.9.2", NEW)
    networks.set_mac(session, noc, other.id, "127.0.9.2", "00:11:22:00:00:03")
    saw(session, koval.id, NEW)
    found = row_of(session, koval.id)
    assert (found.truth, found.owners[NEW].customer_id) == (Truth.FORMERS, other.id)
    mac_truth.adopt(session, noc, koval.id, ADDRESS, NEW)
    found = row_of(session, koval.id)
    assert (found.truth, found.on_file) == (Truth.SAME, NEW)
    assert [(one.before, one.after) for one in found.past] == [(OLD, NEW)]


def test_only_what_was_seen_last_is_adopted(session, koval):
    saw(session, koval.id, NEW)
    saw(session, koval.id, OLD)
    with pytest.raises(errors.Invalid):
        mac_truth.adopt(session, testing.person(session), koval.id, ADDRESS, NEW)


def test_one_press_on_the_panel_puts_it_on_file_and_in_the_history(database, sign_in_as):
    with database.transaction() as session:
        koval = testing.customer(session, addresses=[ADDRESS], macs=[OLD])
        saw(session, koval.id, NEW)
        customer_id = koval.id
    url = f"/customers/{customer_id}/macs"
    noc = sign_in_as("noc")
    page = noc.fragment(url).text
    assert "probably swapped" in page
    assert f"Adopt {NEW}" in page
    form = {"address": ADDRESS, "mac": NEW}
    assert (
        sign_in_as("billing", login="bill").fragment(url + "/adopt", method="POST", data=form).status_code
        == 403
    )
    answer = noc.fragment(url + "/adopt", method="POST", data=form)
    assert answer.status_code == 200
    assert "is the one that answers" in answer.text
    assert "Adopt" not in answer.text
    with database.reading() as session:
        assert session.scalar(select(IpAddress.mac)) == NEW
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "ip.mac_stored")).one()
        assert event.changes == {"mac": [OLD, NEW]}
    assert noc.get(url).status_code == 200
