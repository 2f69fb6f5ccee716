"""The only place that sends jobs by name; a house test binds every name and argument to a real job.

Each function raises Unavailable when the queue does not answer. A lost job is harmless: what must happen is
a row, and the timetable finds it again.
"""

from typing import Any

import kombu.exceptions
import redis
from celery import Celery

from core import errors
from tasks import celery_app

ACCESS_EXPIRES_S = 30
BEAT_EXPIRES_S = 60
DELIVER_EXPIRES_S = 60
GEOCODE_EXPIRES_S = 600
MOVING_EXPIRES_S = 600
POPS_EXPIRES_S = 10
CHARGE_EXPIRES_S = 600
NIGHT_EXPIRES_S = 6 * 3600
# More rounds than sixty POPs have: where so many jobs wait, nobody takes them.
MOST_WAITING = 200


def diagnose(app: Celery, run_id: int, *, pop: str, expires_s: float) -> None:
    """Have the probe worker of `pop` do the diagnostic run; nobody does it after `expires_s` seconds."""
    _send(app, "diagnose", [run_id], queue=celery_app.probe_queue(pop), expires_s=expires_s)


def sweep_access(app: Celery, *, pop: str = "core") -> None:
    """Wake the gate worker: some line's wanted access differs from the applied one."""
    _send(app, "sweep_access", [], queue=celery_app.gate_queue(pop), expires_s=ACCESS_EXPIRES_S)


def observe_access(app: Celery, *, pop: str = "core") -> None:
    """Have the gate worker read back what the gates really do."""
    _send(app, "observe_access", [], queue=celery_app.gate_queue(pop), expires_s=ACCESS_EXPIRES_S)


def try_gate(app: Celery, try_id: int, *, pop: str, expires_s: float) -> None:
    """Have the gate worker of `pop` try a gate, read only; nobody does it after `expires_s` seconds."""
    _send(app, "try_gate", [try_id], queue=celery_app.gate_queue(pop), expires_s=expires_s)


def watch_round(app: Celery, pop: str, kind: str, *, at: str, expires_s: float) -> None:
    """Have the probe worker of the POP `at` do a round of `pop`; nobody does it after `expires_s` seconds.

    A broker drops what has expired only when somebody takes it: rounds for a worker that is gone are not
    put on top of those that wait already.
    """
    queue = celery_app.probe_queue(at)
    if celery_app.waiting(app, queue) >= MOST_WAITING:
        raise errors.Unavailable(f"Nobody takes the jobs of {queue}")
    _send(app, "watch_round", [pop, kind], queue=celery_app.probe_queue(at), expires_s=expires_s)


def close_day(app: Celery, on: str | None = None) -> None:
    """Run the night job for the business date `on` (ISO 8601; none means the day that is due)."""
    _send(app, "close_day", [on], queue=celery_app.WORK, expires_s=NIGHT_EXPIRES_S)


def work_cutoff(app: Celery, run_id: int | None = None) -> None:
    """Have a cutoff plan made or applied, as its row says; without an id those that were left lying."""
    _send(app, "work_cutoff", [run_id], queue=celery_app.WORK, expires_s=CHARGE_EXPIRES_S)


def let_in(app: Celery) -> None:
    """Have those let in whom debt need not keep off any more."""
    _send(app, "let_in", [], queue=celery_app.WORK, expires_s=CHARGE_EXPIRES_S)


def move_in(app: Celery) -> None:
    """Have the imports that wait checked, booked or undone."""
    _send(app, "move_in", [], queue=celery_app.WORK, expires_s=MOVING_EXPIRES_S)


def tend_pops(app: Celery) -> None:
    """Have the boxes of POPs looked after: who is let in, and who is heard."""
    _send(app, "tend_pops", [], queue=celery_app.WORK, expires_s=POPS_EXPIRES_S)


def charge(app: Celery, on: str, by: str) -> None:
    """Charge everybody by the business date `on` (ISO 8601), in the name of who asked for it."""
    _send(app, "charge", [on, by], queue=celery_app.WORK, expires_s=CHARGE_EXPIRES_S)


def document_charges(app: Celery, since: str, by: str) -> None:
    """Issue the documents that charges from the day `since` (ISO 8601) on should have."""
    _send(app, "document_charges", [since, by], queue=celery_app.WORK, expires_s=CHARGE_EXPIRES_S)


def note_beat(app: Celery) -> None:
    """Have the sign of life of the timetable written down."""
    _send(app, "note_beat", [], queue=celery_app.WORK, expires_s=BEAT_EXPIRES_S)


def settle_bank(app: Celery) -> None:
    """Have what is wanted of bank statements done: match, book, undo."""
    _send(app, "settle_bank", [], queue=celery_app.WORK, expires_s=BEAT_EXPIRES_S)


def deliver(app: Celery) -> None:
    """Have the work worker deliver what lies in the outbox; the timetable does it anyway."""
    _send(app, "deliver", [], queue=celery_app.WORK, expires_s=DELIVER_EXPIRES_S)


def geocode(app: Celery) -> None:
    """Look up the coordinates of some addresses that have none."""
    _send(app, "geocode", [], queue=celery_app.WORK, expires_s=GEOCODE_EXPIRES_S)


def _send(app: Celery, name: str, args: list[Any], *, queue: str, expires_s: float) -> None:
    try:
        app.send_task(name, args=args, queue=queue, expires=expires_s, ignore_result=True)
    except (kombu.exceptions.OperationalError, redis.RedisError, OSError) as error:
        raise errors.Unavailable("The job queue does not answer; try again in a moment") from error
