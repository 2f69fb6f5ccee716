"""The night: close the business day, then wake the gates; and check the balances against the ledger."""

from datetime import date
from typing import Any

import structlog
from celery import Celery
from sqlalchemy.orm import Session

from billing import (
    acts,
    brake,
    charge_runs,
    cutoff_runs,
    late_documents,
    ledger,
    night,
    policies,
    reconnect,
)
from billing.ledger import Author
from billing.models import NightRun, RunStatus
from core import clock, errors
from desk import leading
from registry import cutoffs, dunning, upkeep
from registry.audit import Actor
from tasks import enqueue
from tasks.runtime import Runtime

log = structlog.get_logger()

AUTHOR = Author("night")
CUTOFF = Actor(None, "cutoff")


def close_day(runtime: Runtime, app: Celery, on: str | None) -> None:
    """Close the business day `on` (ISO 8601), or today's of the ISP; a day closed already stays as it is.

    Raises Busy while another closes a day, Conflict when a later day is closed already, Unavailable when the
    clock jumped or the database does not answer: it is tried again as long as the night lasts. What went
    wrong with the cut alone is raised when all else is done, and the page says it.
    """
    settings = runtime.settings
    day = date.fromisoformat(on) if on else clock.today(settings.isp.time_zone)
    act = acts.Act(day, acts.terms_of(settings), AUTHOR)
    with runtime.database.reading() as session:
        limits = policies.in_force(session, settings)
    sender = dunning.Sender(settings.isp.name, settings.isp.locale, settings.isp.time_zone)

    def remind(session: Session, _: NightRun) -> dict[str, int]:
        return dunning.run(session, Actor(None, AUTHOR.name), day, rules=limits, sender=sender)

    def lead(session: Session, _: NightRun) -> dict[str, int]:
        return {"lines": len(leading.lead_all(session, by=AUTHOR.name, today=day))}

    witness = cutoffs.witness(clock.today(settings.isp.time_zone), jumped_s=runtime.steady.jumped_s())
    more = {"dunning": remind, "led": lead}
    try:
        closed = night.close_day(runtime.database, act, rules=limits, more=more, witness=witness)
    except errors.Unavailable as error:
        log.error("night_waits", day=day.isoformat(), error=str(error))
        _say(runtime, {"day": day.isoformat(), "error": str(error)})
        raise
    except Exception as error:
        with runtime.database.reading() as session:
            is_cut_open = night.is_cut_open(session, day)
        if is_cut_open:
            told = cutoff_runs.words_of(error)
            _say(runtime, {"day": day.isoformat(), "error": told, "is_cut_open": True})
        raise
    with runtime.database.transaction() as session:
        upkeep.stop_beating(session, upkeep.NIGHT)
        if closed.cutoff_run_id is not None:
            cutoffs.record_outcomes(session, Actor(None, AUTHOR.name), closed.cutoff_run_id)
    enqueue.sweep_access(app, pop=settings.diagnostics.default_pop)


def _say(runtime: Runtime, facts: dict[str, Any]) -> None:
    """Keep for the page of the cutoff why the night is not over."""
    with runtime.database.transaction() as session:
        upkeep.beat(session, upkeep.NIGHT, facts)


def charge(runtime: Runtime, on: str, by: str) -> None:
    """Charge everybody up to the day `on` (ISO 8601), as asked; run twice it changes nothing.

    A day that is over is caught up with: dated, documented and due from today.
    """
    today = clock.today(runtime.settings.isp.time_zone)
    until = min(date.fromisoformat(on), today)
    act = acts.Act(today, acts.terms_of(runtime.settings), Author(by), until)
    charge_runs.run(runtime.database, act)


def document(runtime: Runtime, since: str, by: str) -> None:
    """Issue the documents that charges from the day `since` (ISO 8601) on should have and have not."""
    today = clock.today(runtime.settings.isp.time_zone)
    act = acts.Act(today, acts.terms_of(runtime.settings), Author(by))
    late_documents.issue(runtime.database, act, date.fromisoformat(since))


def work_cutoff(runtime: Runtime, app: Celery, run_id: int | None) -> None:
    """Make or apply the cutoff plan of this id, or all that wait and nobody works at, as their rows say.

    One that goes wrong keeps the reason in its row and does not hold up the others. Raises Unavailable.
    """
    ids = [run_id] if run_id is not None else _left_lying(runtime)
    for one in ids:
        try:
            _work_at(runtime, app, one)
        except errors.Unavailable:
            raise
        except Exception:
            log.exception("cutoff_run_failed", run_id=one)


def let_in(runtime: Runtime, app: Celery) -> None:
    """Let in whom debt need not keep off any more; not while the clock is not to be trusted."""
    today = clock.today(runtime.settings.isp.time_zone)
    if brake.jump_words(runtime.steady.jumped_s()):
        return
    with runtime.database.reading() as session:
        limits = policies.in_force(session, runtime.settings)
        waiting = reconnect.waiting(session, today, rules=limits)
    opened = 0
    for account_id in waiting:
        try:
            with runtime.database.transaction() as session:
                opened += cutoffs.let_in(session, CUTOFF, account_id, today=today, rules=limits)
        except errors.Unavailable:
            raise
        except Exception:
            log.exception("not_let_in", account_id=account_id)  # one that fails holds up no other
    if opened:
        log.info("let_in", accounts=len(waiting), services=opened)
        enqueue.sweep_access(app, pop=runtime.settings.diagnostics.default_pop)


def _left_lying(runtime: Runtime) -> list[int]:
    with runtime.database.transaction() as session:
        given_up = cutoff_runs.give_up(session)
        lost = charge_runs.give_up(session)
        ids = cutoff_runs.waiting(session)
    if given_up:
        log.error("cutoff_plans_given_up", run_ids=given_up)
    if lost:
        log.error("charge_runs_given_up", run_ids=lost)
    return ids


def _work_at(runtime: Runtime, app: Celery, run_id: int) -> None:
    zone = runtime.settings.isp.time_zone
    done = cutoff_runs.go_on(
        runtime.database,
        run_id,
        witness=cutoffs.witness(clock.today(zone), jumped_s=runtime.steady.jumped_s()),
        today=lambda: clock.today(zone),
        note=cutoffs.record_batch,
    )
    if done.status is RunStatus.APPLIED:
        enqueue.sweep_access(app, pop=runtime.settings.diagnostics.default_pop)


def verify_ledger(runtime: Runtime) -> None:
    """Compare every cached balance with its ledger; a difference is an error in the log."""
    with runtime.database.reading() as session:
        wrong = [found.account_id for found in ledger.verify(session)]
    if wrong:
        log.error("balances_differ", accounts=wrong[:20], count=len(wrong))
