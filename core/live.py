"""Live runs: one Redis stream per run, so that who comes late or reconnects loses nothing.

Keys, all with an expiry: `live:<run>` the stream of events, `live:<run>:stop` somebody asked it to end,
`live:<run>:watched` somebody is looking, `live:<run>:held` its worker is alive. Nothing that matters lives
only here: the finished run is a row.
"""

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

import redis
import structlog

log = structlog.get_logger()

KEEP_S = 3600
EVENTS_LIMIT = 5000
FIRST = "0-0"
LAST_KIND = "end"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a run: its id in the stream ("1700000000000-0"), its kind and its values."""

    run_id: int
    id: str
    kind: str
    values: Mapping[str, Any]


def _key(run_id: int) -> str:
    return f"live:{run_id}"


def publish(client: "redis.Redis", run_id: int, kind: str, values: Mapping[str, Any]) -> str:
    """Append one event and return its id; kind `end` closes the run."""
    with client.pipeline(transaction=False) as pipe:
        pipe.xadd(
            _key(run_id), {"kind": kind, "values": json.dumps(values)}, maxlen=EVENTS_LIMIT, approximate=True
        )
        pipe.expire(_key(run_id), KEEP_S)
        return _text(pipe.execute()[0])


def replay(client: "redis.Redis", run_id: int, after: str = FIRST) -> list[Event]:
    """Return what the run has said after the event `after`."""
    start = f"({after}" if after != FIRST else "-"
    rows: Any = client.xrange(_key(run_id), start, "+")
    return [_event(run_id, event_id, fields) for event_id, fields in rows]


def ask_stop(client: "redis.Redis", run_id: int) -> None:
    """Ask the worker to end the run; it looks between two replies."""
    client.set(f"{_key(run_id)}:stop", "1", ex=KEEP_S)


def is_stop_asked(client: "redis.Redis", run_id: int) -> bool:
    """Say whether somebody asked the run to end."""
    return bool(client.exists(f"{_key(run_id)}:stop"))


def watch(client: "redis.Redis", run_id: int, ttl_s: int) -> None:
    """Note that somebody is looking at the run, for the next `ttl_s` seconds."""
    client.set(f"{_key(run_id)}:watched", "1", ex=ttl_s)


def is_watched(client: "redis.Redis", run_id: int) -> bool:
    """Say whether somebody is looking."""
    return bool(client.exists(f"{_key(run_id)}:watched"))


def hold(client: "redis.Redis", run_id: int, ttl_s: int) -> None:
    """Note that a worker has the run in hand, for the next `ttl_s` seconds."""
    client.set(f"{_key(run_id)}:held", "1", ex=ttl_s)


def is_held(client: "redis.Redis", run_id: int) -> bool:
    """Say whether a worker has the run in hand; if not, it died."""
    return bool(client.exists(f"{_key(run_id)}:held"))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _event(run_id: int, event_id: bytes | str, fields: Mapping[Any, Any]) -> Event:
    named = {_text(name): _text(value) for name, value in fields.items()}
    return Event(run_id, _text(event_id), named["kind"], json.loads(named["values"]))


class Hub:
    """Follows the streams of all runs this process watches, with one connection and one thread."""

    # Under the socket time-out of the client (redis-py: 5 s), which would otherwise end the read.
    BLOCK_MS: int = 2000
    IDLE_S: float = 30.0

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._lock = threading.Lock()
        self._watchers: dict[int, list[SimpleQueue[Event]]] = {}
        self._cursors: dict[int, str] = {}
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._is_closed = False
        # A stream of our own, read beside the runs: one line in it ends the blocking read at once.
        self._bell = f"live-hub:{uuid.uuid4().hex}"
        self._bell_cursor = FIRST

    def follow(
        self, after: Mapping[int, str], *, beat_s: float = 5.0, ends: threading.Event | None = None
    ) -> Iterator[Event | None]:
        """Yield the events of the runs in `after` (run id -> last id seen) until each of them has ended.

        Yields None when nothing happened for `beat_s` seconds, so that the caller can say it is still there.
        Raises redis.RedisError while the server does not answer at the start.
        """
        queue: SimpleQueue[Event] = SimpleQueue()
        seen = dict(after)
        open_runs = set(after)
        self._attach(open_runs, queue)
        try:
            for run_id in after:
                for event in replay(self._client, run_id, seen[run_id]):
                    yield from self._fresh(event, seen, open_runs)
            while open_runs and not (ends is not None and ends.is_set()):
                try:
                    event = queue.get(timeout=beat_s)
                except Empty:
                    yield None
                    continue
                yield from self._fresh(event, seen, open_runs)
        finally:
            self._detach(set(after), queue)

    @staticmethod
    def _fresh(event: Event, seen: dict[int, str], open_runs: set[int]) -> Iterator[Event]:
        """Yield the event unless the replay had it already."""
        if event.run_id not in open_runs or _order(event.id) <= _order(seen[event.run_id]):
            return
        seen[event.run_id] = event.id
        if event.kind == LAST_KIND:
            open_runs.discard(event.run_id)
        yield event

    def close(self) -> None:
        """End the thread; for the end of the process and for tests."""
        with self._lock:
            self._is_closed = True
            thread = self._thread
            self._wake.set()
        if thread is not None:
            with contextlib.suppress(redis.RedisError):
                self._ring()
            thread.join(self.BLOCK_MS / 1000 + 1)

    def _attach(self, runs: set[int], queue: "SimpleQueue[Event]") -> None:
        with self._lock:
            for run_id in runs:
                self._watchers.setdefault(run_id, []).append(queue)
                # From the start: the watcher's own replay and this may overlap, and overlap is dropped by id.
                self._cursors.setdefault(run_id, FIRST)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._pump, name="live-hub", daemon=True)
                self._thread.start()
            self._wake.set()
        self._ring()

    def _ring(self) -> None:
        """End the blocking read of the pump at once."""
        with self._client.pipeline(transaction=False) as pipe:
            pipe.xadd(self._bell, {"ring": "1"}, maxlen=1)
            pipe.expire(self._bell, KEEP_S)
            pipe.execute()

    def _detach(self, runs: set[int], queue: "SimpleQueue[Event]") -> None:
        with self._lock:
            for run_id in runs:
                watchers = self._watchers.get(run_id, [])
                with contextlib.suppress(ValueError):
                    watchers.remove(queue)
                if not watchers:
                    self._watchers.pop(run_id, None)
                    self._cursors.pop(run_id, None)

    def _pump(self) -> None:
        idle_since = time.monotonic()
        while True:
            with self._lock:
                cursors = {_key(run_id): cursor for run_id, cursor in self._cursors.items()}
                if self._is_closed or (not cursors and time.monotonic() - idle_since > self.IDLE_S):
                    self._thread = None
                    return
                self._wake.clear()
            if not cursors:
                self._wake.wait(1.0)
                continue
            idle_since = time.monotonic()
            try:
                self._deliver(cursors)
            except redis.RedisError:
                log.warning("live_hub_lost_redis", exc_info=True)
                time.sleep(0.5)

    def _deliver(self, cursors: dict[str, str]) -> None:
        streams: dict[Any, Any] = {**cursors, self._bell: self._bell_cursor}
        answer: Any = self._client.xread(streams, block=self.BLOCK_MS)
        batches = answer.items() if isinstance(answer, dict) else answer or []
        for key, rows in batches:
            # RESP3 wraps the rows of a stream in one more list.
            entries = rows[0] if rows and isinstance(rows[0], list) else rows
            if _text(key) == self._bell:
                self._bell_cursor = _text(entries[-1][0])
                continue
            run_id = int(_text(key).removeprefix("live:"))
            events = [_event(run_id, event_id, fields) for event_id, fields in entries]
            with self._lock:
                if events and run_id in self._cursors:
                    self._cursors[run_id] = events[-1].id
                queues = list(self._watchers.get(run_id, []))
            for queue in queues:
                for event in events:
                    queue.put(event)


def _order(event_id: str) -> tuple[int, int]:
    head, _, tail = event_id.partition("-")
    return int(head), int(tail or 0)
