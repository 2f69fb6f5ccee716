"""The one door: commit, roll back, refuse writes while reading, tell Conflict from Unavailable."""

import threading
from typing import Any

import pytest
from sqlalchemy import select, text

from billing.models import Account, Plan
from core import db, errors


def _plan(name: str = "Home 100") -> Plan:
    return Plan(name=name, price_minor=1000, currency="EUR")


def test_what_is_done_in_a_transaction_stays(fresh_database: db.Database) -> None:
    with fresh_database.transaction() as session:
        session.add(_plan())
    with fresh_database.reading() as session:
        assert session.scalar(select(Plan.name)) == "Home 100"


def test_an_error_takes_everything_back(fresh_database: db.Database) -> None:
    with pytest.raises(ZeroDivisionError), fresh_database.transaction() as session:
        session.add(_plan())
        session.flush()
        raise ZeroDivisionError
    with fresh_database.reading() as session:
        assert session.scalar(select(Plan.name)) is None


def test_reading_cannot_write_because_postgresql_refuses(fresh_database: db.Database) -> None:
    with pytest.raises(Exception, match="read-only transaction"), fresh_database.reading() as session:
        session.execute(text("INSERT INTO accounts (currency) VALUES ('EUR')"))
    with fresh_database.transaction() as session:
        session.add(Account(currency="EUR"))


def test_a_unique_violation_is_a_conflict_with_the_name_of_its_rule(database: db.Database) -> None:
    with database.transaction() as session:
        session.add(_plan())
    with pytest.raises(errors.Conflict) as caught, database.transaction() as session:
        session.add(_plan())
    assert caught.value.constraint == "uq_plans_name"


def test_other_broken_rules_stay_what_they_are(database: db.Database) -> None:
    with pytest.raises(Exception, match="ck_plans_price"), database.transaction() as session:
        session.add(Plan(name="Odd", price_minor=-1, currency="EUR"))


def test_a_row_somebody_holds_is_unavailable_not_a_hang(fresh_database: db.Database) -> None:
    with fresh_database.transaction() as session:
        session.add(Account(currency="EUR"))
    with fresh_database.transaction() as holder:
        holder.execute(select(Account).with_for_update())
        with pytest.raises(errors.Unavailable), fresh_database.transaction() as session:
            session.execute(text("SET LOCAL lock_timeout = 50"))
            session.execute(select(Account).with_for_update())


def test_a_dead_database_is_unavailable(tmp_path: Any) -> None:
    dead = db.Database(db.engine_of(f"postgresql://linecard@/linecard?host={tmp_path}"))
    with pytest.raises(errors.Unavailable), dead.reading() as session:
        session.execute(text("SELECT 1"))
    dead.dispose()


def test_asked_on_after_its_connection_was_lost_a_transaction_is_unavailable(
    fresh_database: db.Database,
) -> None:
    with pytest.raises(errors.Unavailable), fresh_database.transaction() as session:
        with pytest.raises(Exception, match="terminating connection") as lost, db.part(session):
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        assert db.is_lost(lost.value)
        session.execute(select(Account))


def test_calls_wait_for_the_commit_and_their_failure_harms_nothing(database: db.Database) -> None:
    said: list[str] = []

    def broken() -> None:
        raise OSError("the queue is away")

    with database.transaction() as session:
        db.after_commit(session, broken)
        db.after_commit(session, lambda: said.append("woken"))
        assert said == []
    assert said == ["woken"]


def test_calls_of_a_transaction_that_failed_are_forgotten(database: db.Database) -> None:
    said: list[str] = []
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        db.after_commit(session, lambda: said.append("woken"))
        raise ZeroDivisionError
    assert said == []


def test_only_one_holds_a_named_lock_until_its_transaction_ends(fresh_database: db.Database) -> None:
    with fresh_database.transaction() as first, fresh_database.transaction() as second:
        assert db.try_advisory_lock(first, "night")
        assert not db.try_advisory_lock(second, "night")
        assert db.try_advisory_lock(second, "another")
    with fresh_database.transaction() as session:
        assert db.try_advisory_lock(session, "night")


@pytest.mark.parametrize("statement", ["UPDATE audit_events SET note = 'x'", "DELETE FROM audit_events"])
def test_history_cannot_be_changed(database: db.Database, statement: str) -> None:
    with database.transaction() as session:
        session.execute(
            text("INSERT INTO audit_events (staff_name, action, changes) VALUES ('a', 'b', '{}')")
        )
    with pytest.raises(Exception, match="append-only"), database.transaction() as session:
        session.execute(text(statement))


def test_a_thread_without_a_free_connection_hears_it_in_words(fresh_url: str) -> None:
    engine = db.engine_of(fresh_url, pool_size=1)
    engine.pool._timeout = 0.1  # type: ignore[attr-defined]
    small = db.Database(engine)
    release, inside = threading.Event(), threading.Barrier(3)

    def hold() -> None:
        with small.reading() as session:
            session.execute(text("SELECT 1"))
            inside.wait(10)
            release.wait(10)

    holders = [threading.Thread(target=hold) for _ in range(2)]
    for holder in holders:
        holder.start()
    inside.wait(10)
    with pytest.raises(errors.Unavailable, match="connections are in use"), small.reading() as session:
        session.execute(text("SELECT 1"))
    release.set()
    for holder in holders:
        holder.join()
    small.dispose()
