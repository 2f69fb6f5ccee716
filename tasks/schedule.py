"""The whole timetable: what beat sends, when, to which queue."""

from datetime import timedelta
from typing import Any

from celery.schedules import crontab

from core.settings import Settings
from tasks import celery_app

SWEEP_S = 10
OBSERVE_S = 60
UPKEEP_S = 10
INCIDENTS_S = 60
BEAT_S = 30
WATCH_S = 5
FOLD_S = 1800
RADIUS_S = 60
GEOCODE_S = 600
BANK_S = 30
MOVING_S = 60
POPS_S = 5
CUTOFF_S = 60
DISCONNECTS_S = 60
DELIVER_S = 30
RECEIPTS_S = 60
LETTERS_S = 60


def table(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return beat's entries; hours are the ISP's own (the application's time zone).

    A job that waited longer than its next turn expires: a dead worker must not find a heap of them.
    """
    work, gate = celery_app.WORK, celery_app.gate_queue(settings.diagnostics.default_pop)
    hour = settings.cutoff.night_hour
    entries = {
        "sweep-access": _every("sweep_access", SWEEP_S, gate),
        "observe-access": _every("observe_access", OBSERVE_S, gate),
        "tidy-runs": _every("tidy_runs", UPKEEP_S, work),
        "close-incidents": _every("close_incidents", INCIDENTS_S, work),
        "tend-pops": _every("tend_pops", POPS_S, work),
        "move-in": _every("move_in", MOVING_S, work),
        "let-go-disconnects": _every("let_go_disconnects", DISCONNECTS_S, work),
        "let-in": _every("let_in", CUTOFF_S, work),
        "work-cutoff": _every("work_cutoff", CUTOFF_S, work, args=[None]),
        "note-beat": _every("note_beat", BEAT_S, work),
        "settle-bank": _every("settle_bank", BANK_S, work),
        "fold-history": _every("fold_history", FOLD_S, work),
        "deliver": _every("deliver", DELIVER_S, work),
        "give-receipts": _every("give_receipts", RECEIPTS_S, work),
        "mail-documents": _every("mail_documents", LETTERS_S, work),
        "fold-radius": _every("fold_radius", RADIUS_S, work),
        "close-day": _daily("close_day", hour, 0, work, args=[None]),
        "verify-ledger": _daily("verify_ledger", (hour + 1) % 24, 30, work),
    }
    if settings.watch.is_on:
        entries["watch"] = _every("watch", WATCH_S, work)
    if settings.geocoding.url:
        entries["geocode"] = _every("geocode", GEOCODE_S, work)
    return entries


def _every(task: str, seconds: int, queue: str, args: list[Any] | None = None) -> dict[str, Any]:
    return {
        "task": task,
        "schedule": timedelta(seconds=seconds),
        "args": args or [],
        "options": {"queue": queue, "expires": seconds, "ignore_result": True},
    }


def _daily(task: str, hour: int, minute: int, queue: str, args: list[Any] | None = None) -> dict[str, Any]:
    return {
        "task": task,
        "schedule": crontab(hour=str(hour), minute=str(minute)),
        "args": args or [],
        "options": {"queue": queue, "expires": 6 * 3600, "ignore_result": True},
    }
