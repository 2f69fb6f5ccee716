"""Every job by its name: a shell of two lines over a plain function, which the tests call themselves."""

from typing import Any

from celery import Celery

from core import errors
from tasks import (
    access,
    bank,
    deliver,
    diagnose,
    enqueue,
    gate_tries,
    geocode,
    letters,
    moving,
    night,
    pops,
    receipts,
    upkeep,
    watch,
)
from tasks.runtime import Runtime

# Only Unavailable is worth another try; the pauses grow and are spread out.
_AGAIN: dict[str, Any] = {
    "autoretry_for": (errors.Unavailable,),
    "max_retries": 5,
    "retry_backoff": 5,
    "retry_backoff_max": 300,
    "retry_jitter": True,
}
# The night goes on trying until its message expires, also while somebody makes or applies a plan by hand: a
# day that nobody closed is closed by nobody else.
_ALL_NIGHT = {**_AGAIN, "autoretry_for": (errors.Unavailable, errors.Busy), "max_retries": None}
# Of this application alone: Celery would else give them to every application of the process.
_OWN: dict[str, Any] = {"shared": False, "lazy": False}


def register(app: Celery, runtime: Runtime) -> None:
    """Give the application its jobs; nothing runs yet."""
    _register_line_jobs(app, runtime)
    _register_watch_jobs(app, runtime)
    _register_office_jobs(app, runtime)
    _register_paper_jobs(app, runtime)
    _register_cutoff_jobs(app, runtime)


def _register_line_jobs(app: Celery, runtime: Runtime) -> None:
    def _diagnose(run_id: int) -> None:
        diagnose.run(runtime, run_id)

    def _sweep_access() -> None:
        access.pass_on(runtime, lambda pop: enqueue.sweep_access(app, pop=pop))
        access.sweep(runtime)

    def _observe_access() -> None:
        access.pass_on(runtime, lambda pop: enqueue.observe_access(app, pop=pop))
        access.observe(runtime)

    def _try_gate(try_id: int) -> None:
        gate_tries.run(runtime, try_id)

    # Both are for somebody who waits: never repeated, and they expire unless taken at once.
    app.task(_diagnose, name="diagnose", **_OWN)
    app.task(_try_gate, name="try_gate", **_OWN)
    # Rows in PostgreSQL say what is wanted, so a job lost or run twice changes nothing.
    app.task(_sweep_access, name="sweep_access", **_OWN, acks_late=True)
    app.task(_observe_access, name="observe_access", **_OWN, acks_late=True)


def _register_watch_jobs(app: Celery, runtime: Runtime) -> None:
    def _watch() -> None:
        def send(pop: str, kind: str, at: str, expires_s: float) -> None:
            enqueue.watch_round(app, pop, kind, at=at, expires_s=expires_s)

        watch.call(runtime, send)

    def _watch_round(pop: str, kind: str) -> None:
        watch.do_round(runtime, pop, kind)

    def _tend_pops() -> None:
        pops.tend(runtime)

    def _fold_history() -> None:
        watch.fold(runtime)

    def _fold_radius() -> None:
        watch.fold_radius(runtime)

    # A round lost is a round missed: the next one is never far, and a lease sees that none is done twice.
    app.task(_watch, name="watch", **_OWN)
    app.task(_watch_round, name="watch_round", **_OWN)
    app.task(_tend_pops, name="tend_pops", **_OWN)
    app.task(_fold_history, name="fold_history", **_OWN)
    app.task(_fold_radius, name="fold_radius", **_OWN)


def _register_office_jobs(app: Celery, runtime: Runtime) -> None:
    def _close_day(on: str | None = None) -> None:
        night.close_day(runtime, app, on)

    def _charge(on: str, by: str) -> None:
        night.charge(runtime, on, by)

    def _verify_ledger() -> None:
        night.verify_ledger(runtime)

    def _settle_bank() -> None:
        bank.settle(runtime)

    def _geocode() -> None:
        geocode.run(runtime)

    def _tidy_runs() -> None:
        upkeep.tidy_runs(runtime)

    def _close_incidents() -> None:
        upkeep.close_incidents(runtime)

    def _move_in() -> None:
        moving.run(runtime)

    def _note_beat() -> None:
        upkeep.note_beat(runtime)

    app.task(_close_day, name="close_day", **_OWN, acks_late=True, **_ALL_NIGHT)
    app.task(_charge, name="charge", **_OWN, acks_late=True, **_AGAIN)
    app.task(_verify_ledger, name="verify_ledger", **_OWN, **_AGAIN)
    # Every part is a transaction and a row says what is wanted: lost or run twice, nothing is changed by it.
    app.task(_settle_bank, name="settle_bank", **_OWN)
    app.task(_geocode, name="geocode", **_OWN)
    # What waits is a row, taken again by the timetable; one import at a time holds a lock of the database.
    app.task(_move_in, name="move_in", **_OWN)
    app.task(_tidy_runs, name="tidy_runs", **_OWN)
    app.task(_close_incidents, name="close_incidents", **_OWN)
    app.task(_note_beat, name="note_beat", **_OWN)


def _register_paper_jobs(app: Celery, runtime: Runtime) -> None:
    def _deliver() -> None:
        deliver.run(runtime)

    def _document_charges(since: str, by: str) -> None:
        night.document(runtime, since, by)

    def _give_receipts() -> None:
        receipts.run(runtime)

    def _mail_documents() -> None:
        if letters.run(runtime):
            enqueue.deliver(app)

    # Rows say what is to be done, and leases who is at it: a job lost or run twice changes nothing.
    app.task(_deliver, name="deliver", **_OWN)
    app.task(_document_charges, name="document_charges", **_OWN, acks_late=True, **_AGAIN)
    app.task(_give_receipts, name="give_receipts", **_OWN)
    app.task(_mail_documents, name="mail_documents", **_OWN)


def _register_cutoff_jobs(app: Celery, runtime: Runtime) -> None:
    def _work_cutoff(run_id: int | None = None) -> None:
        night.work_cutoff(runtime, app, run_id)

    def _let_go_disconnects() -> None:
        upkeep.let_go_disconnects(runtime)

    def _let_in() -> None:
        night.let_in(runtime, app)

    app.task(_let_go_disconnects, name="let_go_disconnects", **_OWN)
    # Each account is a transaction that looks again: lost or run twice, it changes nothing.
    app.task(_let_in, name="let_in", **_OWN)
    # The row says what is wanted, and each batch is a transaction: lost or run twice, it changes nothing.
    app.task(_work_cutoff, name="work_cutoff", **_OWN, acks_late=True, **_AGAIN)
