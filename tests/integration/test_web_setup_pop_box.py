"""The page of a POP's worker: whom it tells of, the ticket shown once, renewing and shutting out."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from core import box as box_files
from core import clock
from core.settings import Settings
from registry import audit, line_gates, pop_boxes, pops, testing, upkeep
from registry.models import AuditEvent

FACTS = {
    "is_box": True,
    "host": "north-box",
    "pid": 7,
    "version": "0.0.1",
    "round_trip_ms": 12.5,
    "capabilities": ["CAP_NET_RAW"],
    "tools": ["nft"],
    "segments": [{"name": "seg<0>", "addresses": ["10.1.0.1"]}],
    "waiting": {"probe": 3, "gate": 0},
    "ping": {"is_allowed": True, "method": "raw", "advice": ""},
}


@pytest.fixture
def web_settings(web_settings: Settings, tmp_path: Any) -> Settings:
    data = web_settings.data.model_copy(update={"folder": tmp_path})
    there = web_settings.pops.model_copy(update={"address": "core.example.net:6380"})
    return web_settings.model_copy(update={"data": data, "pops": there})


@pytest.fixture
def north(database: Any) -> int:
    with database.transaction() as session:
        return testing.pop(session, "north", is_alive=False).id


def test_a_ticket_is_shown_once_and_the_page_says_how_far_the_box_is(
    sign_in_as: Any, database: Any, north: int
) -> None:
    admin = sign_in_as("administrator")
    assert "never seen" in admin.get(f"/setup/pops/{north}/box").text
    shown = admin.post(f"/setup/pops/{north}/box/invite")
    assert shown.headers["Cache-Control"] == "no-store"
    text = re.search(r"--join (\S+)", shown.text)
    assert text is not None
    ticket = box_files.read_ticket(text[1])
    assert (ticket.pop, ticket.address) == ("north", "core.example.net:6380")
    assert "BEGIN CERTIFICATE" in ticket.authority
    page = admin.get(f"/setup/pops/{north}/box").text
    assert "invited" in page
    assert text[1] not in page
    assert "Invite" not in sign_in_as("noc").get(f"/setup/pops/{north}/box").text
    with database.reading() as session:
        query = select(AuditEvent.note).where(AuditEvent.action == "pop.box_invited")
        assert session.scalars(query).all() == ["north"]


def test_a_gateway_nobody_is_there_to_tell_is_named_with_the_reason(
    sign_in_as: Any, database: Any, north: int
) -> None:
    actor = audit.Actor(None, "a test")
    with database.transaction() as session:
        line_gates.create(session, actor, name="gw-north", kind="nftables", options={}, pop_id=north)
        far = {"host": "192.0.2.1"}
        line_gates.create(session, actor, name="far", kind="routeros", options=far, pop_id=north)
    said = "No worker of North is there to tell its gateway: gw-north."
    admin = sign_in_as("administrator")
    assert said in admin.get(f"/setup/pops/{north}/box").text
    with database.transaction() as session:
        upkeep.beat(session, "probe.north", FACTS)
    page = admin.get(f"/setup/pops/{north}/box").text
    assert said not in page
    assert "no fault known" in page


def test_a_living_box_is_told_of_in_its_own_words_and_shut_out_by_one_press(
    sign_in_as: Any, database: Any, north: int
) -> None:
    admin = sign_in_as("administrator")
    admin.post(f"/setup/pops/{north}/box/invite")
    with database.transaction() as session:
        box = pop_boxes.find(session, north)
        assert box is not None
        box.public_key = box.core_public
        pop_boxes.note_heard(session, "north", clock.now())
        upkeep.beat(session, "probe.north", FACTS)
        pop_boxes.note_expired(session, "north", clock.now())
    page = admin.get(f"/setup/pops/{north}/box").text
    for words in (
        "alive",
        "north-box",
        "0.0.1",
        "the core is",
        "12.5 ms",
        "CAP_NET_RAW",
        "seg&lt;0&gt;",
        "probe.north",
    ):
        assert words in page, words
    listing = admin.get("/setup/pops").text
    assert "3 jobs wait" in listing
    assert f"/setup/pops/{north}/box" in listing
    answer = admin.post(f"/setup/pops/{north}/box/revoke", follow_redirects=True)
    assert "shut out" in answer.text
    with database.reading() as session:
        assert pop_boxes.working(session) == set()
        assert pops.get(session, north).code == "north"


def test_without_an_address_no_box_is_invited(
    sign_in_as: Any, database: Any, north: int, web_app: Any
) -> None:
    from webapp import runtime

    made = web_app.extensions[runtime.KEY]
    plain = made.settings.model_copy(update={"pops": made.settings.pops.model_copy(update={"address": ""})})
    web_app.extensions[runtime.KEY] = runtime.make(plain, database)
    admin = sign_in_as("administrator")
    assert "No box can be invited yet" in admin.get(f"/setup/pops/{north}/box").text
    answer = admin.post(f"/setup/pops/{north}/box/invite", follow_redirects=True)
    assert "Set pops.address in the settings" in answer.text
    with database.reading() as session:
        assert pop_boxes.find(session, north) is None
