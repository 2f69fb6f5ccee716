"""One diagnostic run: claim its row, ask the wire, tell the watchers, write down what came out."""

import time
from collections.abc import Callable
from typing import Any

import redis
import structlog

from core import live
from core.errors import LinecardError
from core.words import N_
from netdiag import errors as wire
from netdiag import ping as wire_ping
from registry import diagnostics
from registry.models import DiagnosticKind, DiagnosticRun, DiagnosticStatus
from tasks import diagnosis, hands, lookups, sites
from tasks.runtime import Runtime

log = structlog.get_logger()

# A run whose worker does not renew its hold for this long is given up by upkeep.
PING_HELD_S = 15
LOOKUP_HELD_S = 120
_RENEW_S = 3.0
_LOOK_S = 1.0

Outcome = tuple[DiagnosticStatus, dict[str, Any]]


def run(runtime: Runtime, run_id: int) -> None:
    """Do the queued run; a job delivered twice, or too late, does nothing."""
    live.hold(runtime.redis, run_id, LOOKUP_HELD_S)
    with runtime.database.transaction() as session:
        row = diagnostics.start(session, run_id)
    if row is None:
        return
    log.info("run_started", run_id=run_id, kind=row.kind.value, target=row.target)
    try:
        live.publish(runtime.redis, run_id, "started", {"pop": row.pop})
        sites.at(runtime, row.pop).meet()
        status, result = _KINDS[row.kind](runtime, row)
    except sites.PopSilent as error:
        _conclude(runtime, run_id, DiagnosticStatus.EXPIRED, None, error.message)
    except (wire.WireError, LinecardError) as error:
        _conclude(runtime, run_id, DiagnosticStatus.FAILED, None, str(error))
    except redis.RedisError:
        _conclude(
            runtime, run_id, DiagnosticStatus.FAILED, None, N_("The server of the live streams fell silent")
        )
        raise
    except Exception:
        _conclude(
            runtime, run_id, DiagnosticStatus.FAILED, None, N_("A fault of ours; the worker's log has it")
        )
        raise
    else:
        _conclude(runtime, run_id, status, result)


def _conclude(
    runtime: Runtime,
    run_id: int,
    status: DiagnosticStatus,
    result: dict[str, Any] | None,
    error: str = "",
) -> None:
    # The row first: whoever reads "end" finds the result there.
    with runtime.database.transaction() as session:
        is_ours = diagnostics.finish(session, run_id, status, result=result, error=error)
    log.info("run_ended", run_id=run_id, status=status.value, error=error)
    if is_ours:
        live.publish(runtime.redis, run_id, "summary", result or {})
        live.publish(runtime.redis, run_id, live.LAST_KIND, {"status": status.value, "error": error})


def ping(runtime: Runtime, row: DiagnosticRun) -> Outcome:
    """Ping the address and tell each reply as it comes, until the count, a stop, or nobody looks any more.

    Raises NotPermitted with words on how to allow it.
    """
    limit_s = 60.0 * runtime.settings.diagnostics.run_minutes_limit
    watch = Watch(runtime, row.id, limit_s=limit_s)
    options = row.options
    replies = []
    for reply in sites.at(runtime, row.pop).follow(
        hands.ping,
        options["address"],
        count=options["count"],
        interval_s=options["interval_s"],
        size=options["size"],
        should_stop=watch.should_stop,
    ):
        replies.append(reply)
        so_far = wire_ping.summarize(options["address"], replies).as_dict()
        told = {"seq": reply.sequence, **reply.as_dict(), "so_far": so_far}
        live.publish(runtime.redis, row.id, "reply", told)
    summary = wire_ping.summarize(options["address"], replies).as_dict()
    status = DiagnosticStatus.STOPPED if watch.ended_by else DiagnosticStatus.DONE
    return status, {**summary, "ended_by": watch.ended_by or "count"}


class Watch:
    """Says when a ping must end early, and by what: `person`, `unwatched`, `limit` or `restart`."""

    def __init__(self, runtime: Runtime, run_id: int, *, limit_s: float) -> None:
        self.ended_by = ""
        self._redis, self._run_id = runtime.redis, run_id
        self._is_stopping = runtime.is_stopping
        self._unwatched_s = runtime.settings.diagnostics.unwatched_s
        now = time.monotonic()
        self._deadline = now + limit_s
        self._seen_at = self._looked_at = now
        self._held_at = now - _RENEW_S

    def should_stop(self) -> bool:
        """Look; called about ten times a second."""
        now = time.monotonic()
        if now - self._held_at >= _RENEW_S:
            self._held_at = now
            live.hold(self._redis, self._run_id, PING_HELD_S)
        if now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            if live.is_watched(self._redis, self._run_id):
                self._seen_at = now
        if live.is_stop_asked(self._redis, self._run_id):
            self.ended_by = "person"
        elif now - self._seen_at >= self._unwatched_s:
            self.ended_by = "unwatched"
        elif now >= self._deadline:
            self.ended_by = "limit"
        elif self._is_stopping.is_set():
            self.ended_by = "restart"
        return bool(self.ended_by)


_KINDS: dict[DiagnosticKind, Callable[[Runtime, DiagnosticRun], Outcome]] = {
    DiagnosticKind.PING: ping,
    DiagnosticKind.MAC_LOOKUP: lookups.mac_lookup,
    DiagnosticKind.SNMP_STATUS: lookups.snmp_status,
    DiagnosticKind.LOCATE_MAC: lookups.locate_mac,
    DiagnosticKind.DIAGNOSE: diagnosis.diagnose,
}
