"""Passing a diagnosis on: into a ticket, and by a link that ends, may be revoked, and tells little."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from core import clock, errors
from desk import tickets
from desk.models import TicketComment
from registry import shared_runs, testing
from registry.models import AuditEvent, SharedRun
from tests.integration.test_baselines import MAC, diagnosed, result
from webapp import runtime as web_runtime
from webapp import security

PORT = {"template": "Port %(port)s is down", "values": {"port": "3"}}


@pytest.fixture
def run_id(database) -> int:
    found = result(account="bad", mac="warning")
    found["verdict"] |= {"stage": "port", "cause": "port_down", "headline": PORT, "who": "field"}
    found["stages"][0] |= {"words": "owes 12.00 EUR", "facts": [{"name": "secret", "value": "s3cr3t"}]}
    mac = {"template": "Another MAC is on the port: %(mac)s", "values": {"mac": {"private": "1002's"}}}
    found["stages"][5] |= {"words": mac}
    found["stages"][6] |= {"words": "127.0.9.1 is silent, as an older row says"}
    with database.transaction() as session:
        koval = testing.customer(session, addresses=["127.0.9.1"], macs=[MAC])
        return diagnosed(session, koval.id, found)


def link_of(noc: Any, run_id: int, hours: int = 24) -> str:
    answer = noc.fragment(f"/runs/{run_id}/links", method="POST", data={"hours": hours})
    assert answer.status_code == 200
    found = re.search(r"/shared/[A-Za-z0-9_-]{43}", answer.text)
    assert found is not None
    return found[0]


def test_a_stranger_reads_the_frozen_page_without_what_is_private(database, sign_in_as, stranger, run_id):
    link = link_of(sign_in_as("noc"), run_id)
    answer = stranger.get(link)
    assert answer.status_code == 200
    assert "Port 3 is down" in answer.text
    assert "sw1" in answer.text
    assert "Another MAC is on the port: …" in answer.text
    for private in ("12.00", "s3cr3t", "1002", "Koval", "127.0.9.1", MAC):
        assert private not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    with database.reading() as session:
        row = session.scalars(select(SharedRun)).one()
        assert link.removeprefix("/shared/").encode() not in row.token_sha256
        assert len(row.token_sha256) == 32
        actions = session.scalars(select(AuditEvent.action)).all()
        assert "diagnostics.shared" in actions


def test_a_link_begins_with_the_public_url_where_one_is_set(web_app, sign_in_as, run_id, monkeypatch):
    made = web_app.extensions[web_runtime.KEY]
    web = made.settings.web.model_copy(update={"public_url": "https://card.example.net/isp"})
    settings = made.settings.model_copy(update={"web": web})
    monkeypatch.setitem(web_app.extensions, web_runtime.KEY, replace(made, settings=settings))
    answer = sign_in_as("noc").fragment(f"/runs/{run_id}/links", method="POST", data={"hours": 24})
    assert 'value="https://card.example.net/isp/shared/' in answer.text


def test_expired_revoked_and_unknown_links_answer_alike(database, sign_in_as, stranger, run_id):
    noc = sign_in_as("noc")
    link, revoked = link_of(noc, run_id, 1), link_of(noc, run_id, 168)
    with database.reading() as session:
        share_id = session.scalar(select(SharedRun.id).order_by(SharedRun.id.desc()).limit(1))
    assert stranger.get(revoked).status_code == 200
    assert noc.fragment(f"/runs/{run_id}/links/{share_id}/revoke", method="POST").status_code == 200
    with database.reading() as session:
        assert "diagnostics.unshared" in session.scalars(select(AuditEvent.action)).all()
    assert stranger.get(link).status_code == 200
    with time_machine.travel(clock.now() + timedelta(hours=1, seconds=5), tick=True):
        answers = [stranger.get(one) for one in (link, revoked, "/shared/nothing")]
    assert [one.status_code for one in answers] == [404, 404, 404]
    plain = {re.sub(r'name="csrf-token" content="[^"]*"', "", one.text) for one in answers}
    assert len(plain) == 1


def test_guessing_is_bounded(stranger, monkeypatch):
    limit = int(security.SHARED_LIMIT.split()[0])
    codes = {stranger.get(f"/shared/guess{number}").status_code for number in range(2 * limit + 1)}
    assert codes == {404, 429}


def test_only_the_times_offered_and_finished_runs_are_shared(database, run_id):
    with database.transaction() as session:
        olena = testing.person(session)
        with pytest.raises(errors.Invalid):
            shared_runs.share(session, olena, run_id, hours=1000)
        other = testing.customer(session, "1002", addresses=["127.0.9.2"])
        going = diagnosed(session, other.id, {}, is_over=False)
        with pytest.raises(errors.Invalid):
            shared_runs.share(session, olena, going)


def test_the_verdict_goes_onto_an_open_ticket_of_the_customer_only(database, sign_in_as, run_id):
    noc = sign_in_as("noc")
    with database.transaction() as session:
        olena = testing.person(session)
        customer_id = shared_runs.finished(session, run_id).customer_id
        own = tickets.open(session, olena, customer_id, subject="No internet").id
        other = testing.customer(session, "1002", addresses=["127.0.9.2"])
        foreign = tickets.open(session, olena, other.id, subject="Another").id
    assert "No internet" in noc.fragment(f"/runs/{run_id}/passing").text
    url = f"/runs/{run_id}/ticket"
    assert noc.fragment(url, method="POST", data={"ticket_id": foreign}).status_code == 404
    assert noc.fragment(url, method="POST", data={"ticket_id": own}).status_code == 200
    with database.transaction() as session:
        text = session.scalars(select(TicketComment.content)).one()
        assert "Port 3 is down" in text
        assert f"/runs/{run_id}" in text
        tickets.close(session, olena, own)
    assert noc.fragment(url, method="POST", data={"ticket_id": own}).status_code == 409
