"""The outbox: each message once, retried with growing pauses, never told when rolled back."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from core import errors
from registry import audit, outbox
from registry.models import OutboxChannel, OutboxMessage, OutboxStatus

NIGHT = audit.Actor(None, "night")
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
EMAIL = {OutboxChannel.EMAIL}


def put(session, key="document 1", **more):
    values = {"kind": "invoice", "address": "olha@example.net", "subject": "Invoice\n1", "body": "Good day"}
    return outbox.put(session, NIGHT, unique_key=key, not_before=NOON, **{**values, **more})


def claim(session, now=NOON):
    return outbox.claim(session, channels=EMAIL, now=now, limit=10, lease_s=120)


def status(session, message_id):
    session.expire_all()
    return session.get_one(OutboxMessage, message_id).status


def test_a_message_put_twice_is_one_and_goes_out_once(session):
    message_id = put(session)
    assert put(session, body="Again") is None
    (letter,) = claim(session)
    assert (letter.id, letter.subject, letter.body) == (message_id, "Invoice 1", "Good day")
    assert claim(session) == []
    assert outbox.settle(session, letter, now=NOON) is OutboxStatus.SENT
    assert claim(session, NOON + timedelta(days=30)) == []
    assert status(session, message_id) is OutboxStatus.SENT


def test_a_message_that_failed_is_tried_again_after_growing_pauses_and_then_given_up(session):
    message_id = put(session)
    now, pauses = NOON, []
    while status(session, message_id) is OutboxStatus.WAITING:
        (letter,) = claim(session, now)
        outbox.settle(session, letter, now=now, error="451 try again later")
        pauses.append(outbox.pause_s(letter.attempts))
        assert claim(session, now + timedelta(seconds=pauses[-1] - 1)) == []
        now += timedelta(seconds=pauses[-1])
    assert pauses == [60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 21600, 21600, 21600]
    assert status(session, message_id) is OutboxStatus.FAILED
    outbox.retry(session, message_id, now=now)
    assert len(claim(session, now)) == 1
    with pytest.raises(errors.Conflict):
        outbox.retry(session, message_id, now=now)


def test_whoever_comes_after_its_lease_settles_nothing(session):
    message_id = put(session)
    (slow,) = claim(session)
    (other,) = claim(session, NOON + timedelta(seconds=120))
    outbox.settle(session, slow, now=NOON, error="the line broke", is_final=True)
    assert status(session, message_id) is OutboxStatus.WAITING
    outbox.settle(session, other, now=NOON)
    assert status(session, message_id) is OutboxStatus.SENT


def test_a_message_taken_back_or_of_another_channel_is_not_handed_out(session):
    put(session, "dunning 1 step 1")
    put(session, "dunning 1 step 2", channel=OutboxChannel.SMS, address="+380501112233")
    assert outbox.withdraw(session, ["dunning 1 step 1", "nothing"]) == 1
    assert claim(session) == []
    assert outbox.withdraw(session, ["dunning 1 step 1"]) == 0
    assert len(session.scalars(select(OutboxMessage)).all()) == 2


def test_a_message_without_an_address_is_refused(session):
    with pytest.raises(errors.Invalid):
        put(session, address=" ")
