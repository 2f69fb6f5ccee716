"""Signs of life, and ending the runs that nobody will end any more."""

import os
import socket
import threading
from typing import Any

import structlog

from billing import policies
from core import clock, live
from core.errors import LinecardError
from core.settings import Settings
from desk import disconnects
from netdiag import ping
from registry import diagnostics, gate_turns, incidents, upkeep
from tasks.runtime import Runtime

log = structlog.get_logger()

BEAT_S = 30.0


def let_go_disconnects(runtime: Runtime) -> None:
    """Take out of the disconnect queue who has paid meanwhile."""
    with runtime.database.transaction() as session:
        limits = policies.in_force(session, runtime.settings)
        gone = disconnects.let_go(session, clock.today(runtime.settings.isp.time_zone), rules=limits)
    if gone:
        log.info("disconnects_paid", count=gone)


class Heart:
    """Says every 30 seconds that this worker is alive and what it can do, from a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        # Not the jobs' runtime: the pool's children are forked while this one has a connection open.
        self._runtime = Runtime(settings)
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, name: str) -> None:
        """Begin; `name` is `work` or `probe.<pop>`."""
        self._thread = threading.Thread(target=self._beat, args=(name,), name="heart", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, and say that this worker is no longer there to be waited for."""
        self._ends.set()

    def _beat(self, name: str) -> None:
        pause_s, is_back = 0.0, True
        while not self._ends.wait(pause_s):
            pause_s = BEAT_S
            try:
                with self._runtime.database.transaction() as session:
                    upkeep.beat(session, name, facts_of(name))
                    if is_back and name.startswith("probe."):
                        gate_turns.expect(session, name.removeprefix("probe."), clock.now())
                is_back = False
            except (LinecardError, OSError):
                log.warning("heartbeat_failed", name=name, exc_info=True)
                pause_s, is_back = 2.0, True
        self._say_goodbye(name)

    def _say_goodbye(self, name: str) -> None:
        try:
            with self._runtime.database.transaction() as session:
                upkeep.stop_beating(session, name)
        except (LinecardError, OSError):
            log.warning("goodbye_failed", name=name, exc_info=True)
        self._runtime.close()


def facts_of(name: str) -> dict[str, Any]:
    """Return what a part of this name can do on this machine."""
    facts: dict[str, Any] = {"host": socket.gethostname(), "pid": os.getpid(), "user": os.geteuid()}
    if name.startswith("probe."):
        access = ping.access()
        facts["ping"] = {"is_allowed": access.is_allowed, "method": access.method, "advice": access.advice}
    return facts


def close_incidents(runtime: Runtime) -> None:
    """Close the incidents that a job opened and that are over."""
    with runtime.database.transaction() as session:
        closed = incidents.close_recovered(session)
    for incident_id in closed:
        log.info("incident_closed", incident_id=incident_id)


def note_beat(runtime: Runtime) -> None:
    """Note that the timetable ticks and its jobs are done."""
    with runtime.database.transaction() as session:
        upkeep.beat(session, "beat", {"host": socket.gethostname()})


def tidy_runs(runtime: Runtime) -> None:
    """End the runs no worker took or whose worker died, in the rows and on the streams."""
    limits = runtime.settings.diagnostics
    with runtime.database.reading() as session:
        going = diagnostics.running(session)
    lost = [run_id for run_id in going if not live.is_held(runtime.redis, run_id)]
    with runtime.database.transaction() as session:
        stale = diagnostics.expire_stale(session, limits, lost=lost)
    for run in stale:
        live.publish(runtime.redis, run.id, live.LAST_KIND, {"status": run.status, "error": run.error})
