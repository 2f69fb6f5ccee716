"""A line that moves, to another port or address: its gate is told at once, what it left is let go."""

import pytest
from sqlalchemy import select

from core import secrets
from gates.testing import FakeGate
from registry import lines, networks, testing
from registry.models import GateStranger
from tasks import access as tasks_access
from tasks.runtime import Runtime
from tests.integration.test_tasks_access import ACTOR, add_lines, lock, maker


@pytest.fixture
def runtime(make_settings, fresh_url, redis_url):
    data = {"database_url": fresh_url, "queue_url": redis_url}
    made = Runtime(make_settings(data=data, secrets={"keys": [secrets.new_key()]}))
    yield made
    made.close()


def test_a_line_with_another_address_is_told_at_once_and_the_one_it_left_is_taken_off(runtime):
    fake = FakeGate()
    debtor, other = add_lines(runtime, 2)
    lock(runtime, debtor)
    with runtime.database.transaction() as session:
        testing.network(session, "10.60.0.0/24")
        people = {key: one.customer_id for key, one in lines.targets(session, [debtor, other]).items()}
        old = networks.give(session, ACTOR, people[debtor], address="10.60.0.5")
    assert tasks_access.sweep(runtime, maker(fake)) == 2
    with runtime.database.transaction() as session:
        networks.change(session, ACTOR, people[debtor], old.id, description="the attic")
    assert tasks_access.sweep(runtime, maker(fake)) == 0, "what is written on it moves nothing"
    with runtime.database.transaction() as session:
        networks.take(session, ACTOR, people[debtor], old.id)
        networks.give(session, ACTOR, people[debtor], address="10.60.0.6")
    assert tasks_access.sweep(runtime, maker(fake)) == 1
    assert fake.list_of_addresses == {"10.60.0.6": "closed"}
    with runtime.database.transaction() as session:
        stranger = session.scalars(select(GateStranger)).one()
        assert (stranger.address, stranger.access, stranger.repair_by) == ("10.60.0.5", "closed", "test")
        assert stranger.repaired_at is not None
    fake.list_of_addresses["10.60.0.7"] = "closed"
    with runtime.database.transaction() as session:
        networks.give(session, ACTOR, people[other], address="10.60.0.7")
    assert tasks_access.sweep(runtime, maker(fake)) == 1
    assert fake.list_of_addresses == {"10.60.0.6": "closed"}, "its new owner owes nothing"
