"""Boxes of POPs: invited once, let in by the secret, replaced, revoked."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from core import box, clock, errors, sealing, secrets
from core.settings import Settings
from registry import audit, pop_boxes, pops
from registry.pop_boxes import BoxState, Invitation

RING = secrets.Ring([secrets.new_key()])
SOMEBODY = audit.Actor(None, "a test")


@pytest.fixture
def pop_id(session: Session) -> int:
    return pops.create(session, SOMEBODY, code="north", name="North").id


def invite(session: Session, pop_id: int) -> Invitation:
    return pop_boxes.invite(session, SOMEBODY, pop_id, RING, now=clock.now(), minutes=60)


def knock(
    session: Session, invitation: Invitation, key: str, *, now: datetime | None = None, **changed: Any
) -> str:
    told = {"secret": invitation.secret} | changed
    letter = sealing.seal(
        json.dumps(told).encode(), to=invitation.core_public, by=key, about=box.about_join("north")
    )
    return pop_boxes.let_in(session, RING, "north", sealing.public_of(key), letter, now=now or clock.now())


def hashes(session: Session) -> int:
    (entry,) = pop_boxes.entries(session, clock.now())
    return len(entry.hashes)


def where(session: Session, pop_id: int) -> BoxState:
    return pop_boxes.state(pop_boxes.find(session, pop_id), clock.now())


def test_a_box_joins_with_the_secret_and_gets_a_password_that_only_it_can_read(
    session: Session, pop_id: int
) -> None:
    invitation, key = invite(session, pop_id), sealing.new_key()
    assert where(session, pop_id) is BoxState.INVITED
    welcome = knock(session, invitation, key)
    told = json.loads(
        sealing.unseal(welcome, of=invitation.core_public, by=key, about=box.about_welcome("north"))
    )
    assert len(told["password"]) > 40
    with pytest.raises(errors.Invalid):
        sealing.unseal(
            welcome, of=invitation.core_public, by=sealing.new_key(), about=box.about_welcome("north")
        )
    assert (where(session, pop_id), hashes(session)) == (BoxState.JOINING, 2)
    assert pop_boxes.note_heard(session, "north", clock.now())
    assert (where(session, pop_id), hashes(session)) == (BoxState.JOINED, 1)
    assert pop_boxes.doer(session, "north", "core") == "core"
    assert pop_boxes.doer(session, "south", "core") == "south"


def test_an_invitation_is_good_for_one_box_and_one_hour(session: Session, pop_id: int) -> None:
    invitation = invite(session, pop_id)
    with pytest.raises(errors.Invalid, match="secret"):
        knock(session, invitation, sealing.new_key(), secret="guessed")
    first = sealing.new_key()
    knock(session, invitation, first)
    knock(session, invitation, first)
    with pytest.raises(errors.Conflict):
        knock(session, invitation, sealing.new_key())
    pop_boxes.note_heard(session, "north", clock.now())
    with pytest.raises(errors.Invalid, match="invitation"):
        knock(session, invitation, first)
    late = invite(session, pop_id)
    with pytest.raises(errors.Invalid, match="invitation"):
        knock(session, late, first, now=clock.now() + timedelta(hours=2))


def test_the_old_box_works_until_the_new_one_has_joined(session: Session, pop_id: int) -> None:
    old, new = sealing.new_key(), sealing.new_key()
    knock(session, invite(session, pop_id), old)
    pop_boxes.note_heard(session, "north", clock.now())
    renewal = invite(session, pop_id)
    kept = pop_boxes.keys_of(session, RING, "north")
    assert kept is not None
    assert kept.public == sealing.public_of(old)
    knock(session, renewal, new)
    now = pop_boxes.keys_of(session, RING, "north")
    assert now is not None
    assert now.public == sealing.public_of(new)


def test_the_default_pop_has_its_worker_beside_the_core_and_takes_no_box(
    session: Session, make_settings: Callable[..., Settings]
) -> None:
    core = pops.create(session, SOMEBODY, code="core", name="Core").id
    made = make_settings(pops={"address": "core.example.net:6380"}, data={"queue_url": "unix:///run/q?db=3"})
    with pytest.raises(errors.Invalid, match="the core's own"):
        pop_boxes.ticket(made, invite(session, core))
    north = pops.create(session, SOMEBODY, code="north", name="North").id
    assert pop_boxes.ticket(made, invite(session, north)).number == 3


def test_a_revoked_box_is_shut_out_and_its_key_forgotten(session: Session, pop_id: int) -> None:
    knock(session, invite(session, pop_id), sealing.new_key())
    pop_boxes.note_heard(session, "north", clock.now())
    pop_boxes.revoke(session, SOMEBODY, pop_id, now=clock.now())
    assert (where(session, pop_id), hashes(session)) == (BoxState.REVOKED, 0)
    assert pop_boxes.keys_of(session, RING, "north") is None
    assert pop_boxes.working(session) == set()
