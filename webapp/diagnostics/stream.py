"""The live stream: one Server-Sent Events answer for all runs a page shows.

Its ids are `17=1700000000000-0;18=1700000000001-3`, the last event of every run: a browser that reconnects
sends it back (Last-Event-ID, see the HTML standard, section 9.2) and loses nothing. No database connection is
held; the right to watch is asked again every few seconds.
"""

import contextlib
import json
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import redis
import structlog
from flask import Response, current_app, request
from sqlalchemy.orm import Session

from core import clock, errors, live, sentences
from core.sentences import Voice
from registry import diagnostic_block, diagnostics, staff
from registry.diagnostic_block import RunView
from webapp import identity, permissions, runtime, texts
from webapp.runtime import Runtime

log = structlog.get_logger()

STOPPING = "linecard.is_stopping"
SHARED = "linecard.streams"
RIGHT = "diagnostics.view"
RUNS_LIMIT = 64
BEAT_S = 2.5
WATCH_S = 6
ASK_AGAIN_S = 10.0
RETRY_MS = 1000

# The messages that carry sentences (netdiag/text.py): told in the language of who watches.
TOLD_KINDS = frozenset({"stage", "verdict", "summary"})

_POSITION = re.compile(r"(\d{1,18})=(\d{1,20}-\d{1,20})")


class Shared:
    """What all streams of this process have in common, so that many watchers cost little more than one."""

    WORDS_LIMIT = 4096

    def __init__(self) -> None:
        self._noted_at: dict[int, float] = {}
        self._words: dict[tuple[int, str, str], str] = {}

    def note_watching(self, client: "redis.Redis", run_ids: Iterable[int]) -> None:
        """Say in Redis that somebody looks at the runs, once every few seconds for all watchers together."""
        now = time.monotonic()
        due = [run_id for run_id in run_ids if now - self._noted_at.get(run_id, -BEAT_S) >= BEAT_S]
        for run_id in due:
            self._noted_at[run_id] = now
            live.watch(client, run_id, WATCH_S)
        if len(self._noted_at) > self.WORDS_LIMIT:
            self._noted_at = {run_id: at for run_id, at in self._noted_at.items() if now - at < WATCH_S}

    def words_of(self, event: live.Event, voice: Voice) -> str:
        """Return the event as JSON, written once for a language however many watch it."""
        key = (event.run_id, event.id, voice.locale if event.kind in TOLD_KINDS else "")
        words = self._words.get(key)
        if words is None:
            if len(self._words) > self.WORDS_LIMIT:
                self._words = {}
            words = self._words[key] = _as_json(event.run_id, event.kind, event.values, voice)
        return words


def _as_json(run_id: int, kind: str, values: Mapping[str, Any], voice: Voice) -> str:
    if kind in TOLD_KINDS:
        values = sentences.tell_all(values, voice)
    return json.dumps({**values, "run": run_id, "kind": kind}, separators=(",", ":"))


@permissions.required(RIGHT)
def events() -> Response:
    """Follow the runs named by `run`, after the events named by Last-Event-ID or else `after`."""
    run_ids = list(dict.fromkeys(request.args.getlist("run", type=int)))[:RUNS_LIMIT]
    if not run_ids:
        raise errors.Invalid("No run is named", {"run": "Name a run"})
    after = positions(request.args.get("after", "")) | positions(request.headers.get("Last-Event-ID", ""))
    found = runtime.current()
    follower = Follower(
        runtime=found,
        token=identity.token() or "",
        voice=texts.voice(),
        after={run_id: after.get(run_id, live.FIRST) for run_id in run_ids},
        is_stopping=current_app.extensions.get(STOPPING) or threading.Event(),
        shared=current_app.extensions.setdefault(SHARED, Shared()),
    )
    follower.look(is_known=True)
    answer = Response(follower.lines(), mimetype="text/event-stream")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


def positions(text: str) -> dict[int, str]:
    """Read `17=169-0;18=170-1`; what is not of this form is left out."""
    parts = (_POSITION.fullmatch(part.strip()) for part in text.split(";"))
    return {int(part[1]): part[2] for part in parts if part}


@dataclass
class Follower:
    """One open stream: what it has told, whether it may go on, and the lines it sends."""

    runtime: Runtime
    token: str
    after: dict[int, str]
    is_stopping: threading.Event
    shared: Shared = field(default_factory=Shared)
    voice: Voice = sentences.ENGLISH
    known: Mapping[int, RunView] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)

    def look(self, *, is_known: bool = False) -> bool:
        """Ask the database whether the person may still watch (unless just asked), and of the runs."""
        with self.runtime.database.reading() as session:
            if not is_known and not self._may_watch(session):
                return False
            runs = diagnostics.watchable(session, self.after)
            self.known = {run_id: diagnostic_block.view(run) for run_id, run in runs.items()}
        return True

    def _may_watch(self, session: Session) -> bool:
        browser = staff.session_of(session, self.token, clock.now())
        return browser is not None and RIGHT in permissions.granted(browser.roles)

    def lines(self) -> Iterator[str]:
        """Yield the stream; it ends with the last run, with the right to watch, or with the worker."""
        yield f"retry: {RETRY_MS}\n\n"
        try:
            yield from self._finished()
            yield from self._going()
        except redis.RedisError:
            # The browser comes back by itself after RETRY_MS and goes on where it was.
            log.warning("stream_lost_redis", runs=list(self.after))

    def _finished(self) -> Iterator[str]:
        """Tell the runs that are over: from their stream while it is kept, else from the row."""
        for run_id in self.after:
            run = self.known.get(run_id)
            if run is not None and run.is_open:
                continue
            for event in live.replay(self.runtime.redis, run_id, self.after[run_id]):
                yield self._told(event)
            yield from self._closed(run_id)

    def _going(self) -> Iterator[str]:
        """Follow the runs that go on; whoever follows is noted as watching."""
        going = {run_id: place for run_id, place in self.after.items() if run_id not in self.ended}
        if not going:
            return
        self._note_watching(going)
        noted_at = asked_at = time.monotonic()
        follow = self.runtime.hub.follow(going, beat_s=BEAT_S, ends=self.is_stopping)
        with contextlib.closing(follow):  # type: ignore[type-var]
            for event in follow:
                yield ": beat\n\n" if event is None else self._told(event)
                now = time.monotonic()
                if now - noted_at >= BEAT_S:
                    noted_at = now
                    self._note_watching(going)
                if now - asked_at >= ASK_AGAIN_S:
                    asked_at = now
                    if not self._may_go_on():
                        return
                    yield from self._overtaken()
                    if set(going) <= self.ended:
                        return

    def _may_go_on(self) -> bool:
        try:
            return self.look()
        except errors.Unavailable:
            return True  # the database is away for a moment: what was allowed ten seconds ago still is

    def _overtaken(self) -> Iterator[str]:
        """Tell the end of runs whose row is over although their stream never said so: the worker died."""
        for run_id in set(self.after) - self.ended:
            run = self.known.get(run_id)
            finished = run.finished_at if run else None
            if run is None or (finished and (clock.now() - finished).total_seconds() > BEAT_S):
                yield from self._closed(run_id)

    def _note_watching(self, run_ids: Iterable[int]) -> None:
        self.shared.note_watching(
            self.runtime.redis, [run_id for run_id in run_ids if run_id not in self.ended]
        )

    def _told(self, event: live.Event) -> str:
        self.after[event.run_id] = event.id
        if event.kind == live.LAST_KIND:
            self.ended.add(event.run_id)
        return self._message(self.shared.words_of(event, self.voice))

    def _closed(self, run_id: int) -> Iterator[str]:
        """Say from the row that a run is over, unless its stream has said so."""
        if run_id in self.ended:
            return
        self.ended.add(run_id)
        run = self.known.get(run_id)
        if run is not None and run.result:
            yield self._message(_as_json(run_id, "summary", run.result, self.voice))
        status = run.status.value if run else "gone"
        words = {"status": status, "error": run.error if run else ""}
        yield self._message(_as_json(run_id, live.LAST_KIND, words, self.voice))

    def _message(self, words: str) -> str:
        place = ";".join(f"{run_id}={event_id}" for run_id, event_id in self.after.items())
        return f"id: {place}\ndata: {words}\n\n"
