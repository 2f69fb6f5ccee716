"""Is every part up: `GET /healthz` for supervisors; on every page the silent parts, and how many are dead."""

import threading
import time
from dataclasses import dataclass

import redis
from flask import Flask, Response, current_app, jsonify
from flask_babel import gettext

from core import errors
from registry import upkeep, watch_down
from webapp import permissions, runtime

REMEMBER_S = 10.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What the banner says."""

    title: str
    advice: str


class Watch:
    """Silent parts and how many are dead: asked by every page, read from the database every 10 seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = 0.0
        self._silent: tuple[str, ...] = ()
        self._dead = 0

    def silent(self) -> tuple[str, ...]:
        """Return the silent parts."""
        self._renew()
        return self._silent

    def dead(self) -> int:
        """Return how many of those who are watched are dead, at most watch_down.MOST_COUNTED."""
        self._renew()
        return self._dead

    def _renew(self) -> None:
        """Read anew what is old; while one thread does, the others take the last answer."""
        is_old = time.monotonic() - self._read_at > REMEMBER_S or not self._read_at
        if is_old and self._lock.acquire(blocking=False):
            try:
                self._silent, self._dead = _silent(), _dead()
                self._read_at = time.monotonic()
            except errors.Unavailable:
                pass  # the page itself will say that the database does not answer
            finally:
                self._lock.release()


KEY = "linecard.health"


def register(app: Flask) -> None:
    """Add /healthz and the watch."""
    app.extensions[KEY] = Watch()
    app.add_url_rule("/healthz", "healthz", healthz)


def fault() -> Fault | None:
    """Return what to warn of on every page; None when all parts live."""
    watch: Watch = current_app.extensions[KEY]
    silent = watch.silent()
    if not silent:
        return None
    return Fault(
        gettext("No sign of life from: %(parts)s.", parts=", ".join(map(_name, silent))),
        gettext("Diagnostics, cutoff and reconnection may stand still. Run linecard doctor to see why."),
    )


def dead() -> int:
    """Return how many are dead, for the badge beside "What is down"."""
    watch: Watch = current_app.extensions[KEY]
    return watch.dead()


@permissions.public
def healthz() -> Response:
    """Answer 200 when the database, the queue and every worker are there; else 503 and which is not."""
    parts = {"database": "ok", "queue": "ok"}
    try:
        parts |= dict.fromkeys(_needed(), "ok") | dict.fromkeys(_silent(), "silent")
    except errors.Unavailable:
        parts["database"] = "no answer"
    try:
        runtime.current().redis.ping()
    except (redis.RedisError, OSError):
        parts["queue"] = "no answer"
    is_well = all(state == "ok" for state in parts.values())
    answer = jsonify(status="ok" if is_well else "unwell", parts=parts)
    answer.status_code = 200 if is_well else 503
    return answer


def _needed() -> tuple[str, ...]:
    return ("beat", "work", f"probe.{runtime.current().settings.diagnostics.default_pop}")


def _silent() -> tuple[str, ...]:
    with runtime.current().database.reading() as session:
        return tuple(upkeep.silent(session, needed=_needed()))


def _dead() -> int:
    with runtime.current().database.reading() as session:
        return watch_down.count_dead(session)


def _name(part: str) -> str:
    names = {"beat": gettext("the timetable"), "work": gettext("the work worker")}
    return names.get(part) or gettext("the probe worker at %(pop)s", pop=part.partition(".")[2])
