"""`linecard doctor`: look at every part and say in words what is wrong and what to do."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import redis

from core import settings as settings_of
from core.settings import Settings
from linecard import embedded, errors, migrate, postgres, rights, up
from registry import watch_rounds
from registry.models import WatchRound

_SILENT_AFTER = timedelta(minutes=5)
_OLDEST_POSTGRES = postgres.OLDEST_MAJOR * 10_000
_ROUNDS = """
    SELECT r.pop, r.kind, CASE r.kind WHEN 'devices' THEN p.device_watch_s
                                      WHEN 'customers' THEN p.customer_watch_s END,
           r.due_at, r.leased_until, r.lag_s, r.error
    FROM watch_rounds r LEFT JOIN pops p ON p.code = r.pop ORDER BY r.pop, r.kind
"""
_MARKS = {True: "ok     ", False: "TROUBLE", None: "note   "}


@dataclass(frozen=True)
class Finding:
    """One thing looked at: well (True), trouble (False) or worth knowing (None), and what to do."""

    subject: str
    is_well: bool | None
    words: str


def run() -> int:
    """Print every finding; returns 1 when any of them is trouble."""
    try:
        settings = settings_of.load()
    except settings_of.SettingsError as error:
        _print(Finding("settings", False, str(error)))
        return 1
    path = settings_of.path_of_file()
    found = [*settings_of_file(settings, path), *_host(settings)]
    try:
        with embedded.attached(settings, queue=True) as urls:
            found += examine(settings, urls)
    except errors.StartError as error:
        found.append(Finding("servers", False, str(error)))
    for finding in found:
        _print(finding)
    troubles = sum(finding.is_well is False for finding in found)
    print(f"\n{troubles} of {len(found)} need attention." if troubles else "\nAll is well.")
    return 1 if troubles else 0


def _print(finding: Finding) -> None:
    print(f"{_MARKS[finding.is_well]} {finding.subject:<11} {finding.words}")


def examine(settings: Settings, urls: embedded.Urls) -> list[Finding]:
    """Look at the database, the queue, the workers and the clock through their URLs."""
    found = list(_guarded("database", lambda: _database(settings, urls.database)))
    return [*found, *_guarded("queue", lambda: _queue(settings, urls.queue))]


def _guarded(subject: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except (psycopg.Error, redis.RedisError, OSError) as error:
        words = str(error).strip().split("\n")[0]
        yield Finding(subject, False, f"does not answer: {words}. Check its URL in [data], and the server.")


def settings_of_file(settings: Settings, path: Path) -> Iterator[Finding]:
    """Look at the settings and at the file they came from."""
    yield Finding("settings", True, f"{path} is complete")
    mode = path.stat().st_mode
    if mode & 0o077:
        yield Finding("settings", False, f"{path} holds keys and others may read it: chmod 600 {path}")
    if not settings.secrets.keys:
        yield Finding(
            "settings",
            False,
            "secrets.keys is empty: device passwords cannot be stored. `linecard init` shows how.",
        )
    if not settings.web.is_https and settings.web.host not in ("127.0.0.1", "::1", "localhost"):
        yield Finding("settings", None, "the web server is open to others without TLS: put nginx in front")


def _host(settings: Settings) -> Iterator[Finding]:
    yield from (Finding("rights", is_well, words) for is_well, words in rights.look())
    folder = settings.data.folder
    usage = shutil.disk_usage(folder if folder.exists() else Path())
    words = f"{usage.free / 1e9:.1f} GB free for {folder}"
    if usage.free < up.LEAST_FREE_BYTES:
        yield Finding("disk", False, f"{words}: the disk is full, free some space")
    else:
        yield Finding("disk", True if usage.free > 2e9 else None, words)
    if folder.exists() and folder.stat().st_uid != os.geteuid():
        owner = postgres.name_of(folder.stat().st_uid)
        yield Finding("disk", False, f"{folder} belongs to {owner}: run as its owner")


def _database(settings: Settings, url: str) -> Iterator[Finding]:
    with psycopg.connect(migrate.plain(url), connect_timeout=5) as line:
        version = line.info.server_version
        is_new = version >= _OLDEST_POSTGRES
        words = f"PostgreSQL {version // 10_000}.{version % 10_000} answers"
        yield Finding("database", is_new, words if is_new else f"{words}; {postgres.OLDEST_MAJOR} is needed")
        current, heads = migrate.current(url), migrate.heads()
        if current != heads:
            yield Finding("schema", False, "is not of this version: run `linecard migrate`")
            return
        yield Finding("schema", True, f"is at {', '.join(sorted(heads))}")
        began = time.time()
        row = line.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
        yield clock_of(row[0] if row else began, (began + time.time()) / 2)
        beats = line.execute("SELECT name, at FROM heartbeats").fetchall()
        yield from heartbeats_of(settings, dict(beats), datetime.now(UTC))
        if settings.watch.is_on:
            yield from rounds_of(settings, line.execute(_ROUNDS).fetchall(), datetime.now(UTC))


def clock_of(theirs: float, ours: float) -> Finding:
    """Compare the database's clock with ours (seconds since 1970)."""
    off_s = abs(theirs - ours)
    if ours < datetime(2026, 1, 1, tzinfo=UTC).timestamp():
        return Finding("clock", False, "this machine's clock is in the past: set it, and run NTP")
    if off_s > 2:
        return Finding("clock", False, f"differs from the database's by {off_s:.0f} s: run NTP on both")
    return Finding("clock", True, f"agrees with the database's to {off_s * 1000:.0f} ms")


def heartbeats_of(settings: Settings, beats: dict[str, datetime], now: datetime) -> Iterator[Finding]:
    """Judge the last signs of life: those of the needed parts first, then of the others."""
    start = "`linecard up`, or its unit under systemd, starts it"
    for name in ("beat", "work", f"probe.{settings.diagnostics.pop}"):
        at = beats.pop(name, None)
        if at is None:
            yield Finding("heartbeat", False, f"{name} has never run: {start}")
        elif now - at > _SILENT_AFTER:
            yield Finding("heartbeat", False, f"{name} is silent since {at:%Y-%m-%d %H:%M} UTC: {start}")
        else:
            yield Finding("heartbeat", True, f"{name} {(now - at).total_seconds():.0f} s ago")
    for name, at in beats.items():
        yield Finding(
            "heartbeat", True if now - at < _SILENT_AFTER else None, f"{name} at {at:%Y-%m-%d %H:%M}"
        )


def rounds_of(settings: Settings, rows: list[Any], now: datetime) -> Iterator[Finding]:
    """Judge the rounds of watching: late by more than three of them is trouble, so is what failed."""
    usual = {
        "devices": settings.watch.device_interval_s,
        "customers": settings.watch.customer_interval_s,
        "counters": settings.watch.counter_interval_s,
    }
    for pop, kind, own_s, due_at, leased_until, lag_s, error in rows:
        pace_s = own_s or usual[kind]
        row = WatchRound(due_at=due_at, leased_until=leased_until, lag_s=lag_s)
        late_s, name = watch_rounds.lag_s(row, now), f"{kind} of {pop}"
        if late_s > 3 * pace_s:
            hint = "is the probe worker up, and fast enough? The POP page says which POP has one"
            yield Finding("watching", False, f"{name} are {late_s:.0f} s late (every {pace_s} s): {hint}")
        elif error:
            yield Finding("watching", False, f"{name}: the last round failed: {error}")
        else:
            yield Finding("watching", True, f"{name} every {pace_s} s, {late_s:.1f} s late")


def _queue(settings: Settings, url: str) -> Iterator[Finding]:
    from tasks import celery_app

    if not url.startswith(("unix", "redis")):
        yield Finding(
            "queue", None, "is a broker this command does not know; the workers are asked all the same"
        )
    else:
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            version = client.info("server").get("valkey_version") or client.info("server")["redis_version"]
            yield Finding("queue", True, f"Valkey/Redis {version} answers")
    app = celery_app.make(url)
    pop = settings.diagnostics.pop
    served = app.control.inspect(timeout=1.5).active_queues() or {}
    app.close()
    for queue in (celery_app.WORK, celery_app.probe_queue(pop), celery_app.gate_queue(pop)):
        workers = [name for name, queues in served.items() if queue in {one["name"] for one in queues}]
        words = (
            f"{queue} is served by {', '.join(workers)}" if workers else f"nobody serves the queue {queue}"
        )
        hint = "" if workers else ": start `linecard up`, or the worker's unit"
        yield Finding("workers", bool(workers), words + hint)
