"""Real Celery workers: forked and threaded ones, id collisions, heartbeats, the whole way of a ping."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from redbeat.schedulers import REDBEAT_REDIS_KEY

from core import clock, db, errors, live
from core.settings import Settings
from netdiag import ping as wire_ping
from registry import diagnostics, testing, upkeep, watch_rounds
from registry.models import DiagnosticKind, DiagnosticRun, DiagnosticStatus, RoundKind, WatchRound
from tasks import celery_app, enqueue, schedule
from tasks.timetable import PAUSE_S, BoundedLock, Timetable, take_lock

ROOT = Path(__file__).resolve().parents[2]
ALIVE, DEAD = "127.0.0.1", "10.99.0.9"
PAIRS = 4


@pytest.fixture
def namespace(need: Callable[..., None]) -> Iterator[str]:
    """A network of its own in which 127.0.0.1 answers and 10.99.0.9 is sent to and stays silent."""
    need("root", "ip")
    name = f"t{os.urandom(3).hex()}"
    far = "02:00:00:00:00:09"
    commands = (
        f"ip netns add {name}",
        f"ip -n {name} link set lo up",
        f"ip -n {name} link add near type veth peer name far",
        f"ip -n {name} addr add 10.99.0.1/24 dev near",
        f"ip -n {name} link set near up",
        f"ip -n {name} link set far up",
        f"ip -n {name} neigh add {DEAD} lladdr {far} dev near",
    )
    try:
        for command in commands:
            subprocess.run(command.split(), check=True, capture_output=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.fixture
def start_worker(
    tmp_path: Path, server_settings: Settings
) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a real worker as the product does, from a settings file."""
    running: list[subprocess.Popen[bytes]] = []
    data = server_settings.data
    (tmp_path / "config.toml").write_text(
        f'[web]\nsecret_key = "{"x" * 43}"\n'
        f'[data]\ndatabase_url = "{data.database_url.get_secret_value()}"\n'  # type: ignore[union-attr]
        f'queue_url = "{data.queue_url.get_secret_value()}"\n'  # type: ignore[union-attr]
        f'folder = "{tmp_path}"\n'
        f'[secrets]\nkeys = ["{server_settings.secrets.keys[0].get_secret_value()}"]\n'
    )

    def start(queues: str, name: str, *how: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "celery", "-A", "tasks.worker", "--skip-checks", "worker"]
        child = spawn(tmp_path, name, [*prefix, *argv, "-Q", queues, "-n", f"{name}@%h", *how])
        running.append(child)
        wait_for(lambda: _is_beating(server_settings, name), 30)
        return child

    yield start
    for child in running:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)


@pytest.fixture
def queue(server_settings: Settings) -> Iterator[Any]:
    app = celery_app.make(server_settings.data.queue_url.get_secret_value())  # type: ignore[union-attr]
    with app.connection_for_write() as connection:
        for name in ("work", "probe.core", "gate.core"):
            box = connection.SimpleQueue(name)
            box.clear()
            box.close()
    yield app
    app.close()


def spawn(folder: Path, name: str, argv: list[str]) -> subprocess.Popen[bytes]:
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            argv,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "LINECARD_CONFIG": str(folder / "config.toml")},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _database(settings: Settings) -> db.Database:
    return db.Database(db.engine_of(settings.data.database_url.get_secret_value()))  # type: ignore[union-attr]


def _is_beating(settings: Settings, name: str) -> bool:
    database = _database(settings)
    with database.transaction() as session:
        found = upkeep.find_beat(session, name) is not None
    database.dispose()
    return found


def begin(database: db.Database, customer_id: int, login: str, target: str, **options: Any) -> int:
    with database.transaction() as session:
        return diagnostics.open_run(
            session,
            testing.person(session, login),
            kind=DiagnosticKind.PING,
            target=target,
            customer_id=customer_id,
            limits=Settings.model_fields["diagnostics"].default,
            options=options,
        ).id


def rows(database: db.Database, run_ids: list[int]) -> list[DiagnosticRun]:
    with database.transaction() as session:
        return [diagnostics.get(session, run_id) for run_id in run_ids]


def wait_for(is_so: Callable[[], bool], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


@pytest.mark.parametrize("pool", [("-P", "threads", "-c", "16"), ("-P", "prefork", "-c", "4")])
def test_a_dead_address_is_never_alive_beside_a_live_one(
    fresh_database, start_worker, queue, namespace, pool
):
    with fresh_database.transaction() as session:
        customer = testing.customer(session, addresses=[ALIVE, DEAD], network_id=_both(session))
    start_worker("probe.core", "probe.core", *pool, prefix=("ip", "netns", "exec", namespace))
    runs: dict[int, str] = {}
    for pair in range(PAIRS):
        for target in (ALIVE, DEAD):
            run_id = begin(fresh_database, customer.id, f"p{pair}", target, count=5, interval_s=0.2)
            runs[run_id] = target
            enqueue.diagnose(queue, run_id, pop="core", expires_s=60)
    wait_for(lambda: all(row.finished_at for row in rows(fresh_database, list(runs))), 60)
    for row in rows(fresh_database, list(runs)):
        assert row.status is DiagnosticStatus.DONE, row.error
        wanted = 0.0 if runs[row.id] == ALIVE else 100.0
        assert row.result["loss_percent"] == wanted, row.result


def _both(session: Any) -> int:
    return testing.network(session, "0.0.0.0/0", pop_id=testing.pop(session).id).id


def test_a_worker_says_that_it_lives_what_it_can_and_that_it_went(
    fresh_database, start_worker, queue, server_settings
):
    worker = start_worker("probe.core,gate.core", "probe.core", "-P", "threads", "-c", "2")
    with fresh_database.transaction() as session:
        beat = upkeep.find_beat(session, "probe.core")
        assert beat.facts["ping"]["is_allowed"] == wire_ping.access().is_allowed
        assert diagnostics.choose_pop(session, None, "core") == "core"
    os.kill(worker.pid, signal.SIGTERM)
    wait_for(lambda: not _is_beating(server_settings, "probe.core"))
    assert worker.wait(15) == 0


def test_a_job_that_waited_too_long_is_done_by_nobody(fresh_database, start_worker, queue, redis_client):
    with fresh_database.transaction() as session:
        customer = testing.customer(session, addresses=[ALIVE])
    run_id = begin(fresh_database, customer.id, "olena", ALIVE, count=1)
    enqueue.diagnose(queue, run_id, pop="core", expires_s=0.2)
    time.sleep(0.4)
    start_worker("probe.core", "probe.core", "-P", "threads", "-c", "2")
    late = begin(fresh_database, customer.id, "taras", ALIVE, count=1)
    enqueue.diagnose(queue, late, pop="core", expires_s=30)
    wait_for(lambda: rows(fresh_database, [late])[0].finished_at is not None)
    assert rows(fresh_database, [run_id])[0].status is DiagnosticStatus.QUEUED
    assert live.replay(redis_client, run_id) == []


def test_the_work_worker_does_the_jobs_of_the_house(fresh_database, start_worker, queue):
    start_worker("work", "work", "-P", "prefork", "-c", "2")
    enqueue.note_beat(queue)
    enqueue.close_day(queue, "2026-11-22")
    wait_for(lambda: _has(fresh_database, "beat"))
    wait_for(lambda: _nights(fresh_database) == 1)


def _has(database: db.Database, name: str) -> bool:
    with database.transaction() as session:
        return upkeep.find_beat(session, name) is not None


def _nights(database: db.Database) -> int:
    from billing import night

    with database.transaction() as session:
        return int(night.last_closed(session) is not None)


def test_the_timetable_ticks_and_its_jobs_are_done(fresh_database, start_worker, queue, tmp_path):
    start_worker("work", "work", "-P", "threads", "-c", "2")
    argv = [sys.executable, "-m", "celery", "-A", "tasks.worker", "--skip-checks"]
    beat = spawn(tmp_path, "beat", [*argv, "beat", "-S", "tasks.timetable:Timetable", "--pidfile="])
    try:
        wait_for(lambda: _has(fresh_database, "beat"), 30)
    finally:
        beat.terminate()
        assert beat.wait(10) == 0, (tmp_path / "beat.log").read_text()[-2000:]


@pytest.fixture
def timetable(server_settings: Settings, queue: Any) -> Iterator[Timetable]:
    """A timetable that nothing drives, with the lock in its hands."""
    url = server_settings.data.queue_url.get_secret_value()  # type: ignore[union-attr]
    queue.conf.update(
        beat_schedule=schedule.table(server_settings),
        redbeat_redis_url=url,
        redbeat_redis_options={"socket_timeout": 10},
        redbeat_key_prefix="linecard:test:",
    )
    beat = Timetable(queue, lazy=True)
    beat.setup_schedule()
    take_lock(SimpleNamespace(scheduler=beat))
    assert beat.lock.owned()
    yield beat
    for name in queue.conf.beat_schedule:
        beat.Entry.from_key(f"linecard:test:{name}", app=queue).delete()
    beat.lock.redis.delete(beat.lock_key)


def test_the_timetable_does_not_wait_a_day_where_the_clock_was_a_day_ahead(timetable):
    def entry() -> Any:
        return timetable.Entry.from_key("linecard:test:note-beat", app=timetable.app)

    entry().reschedule(clock.now() + timedelta(days=1))
    timetable.tick()
    assert abs(entry().last_run_at - clock.now()) < timedelta(seconds=20)
    assert entry().due_at - clock.now() < timedelta(seconds=schedule.BEAT_S + 1)


def test_the_timetable_takes_its_lock_again_where_the_server_forgot_it_and_stands_by_for_another(timetable):
    timetable.lock.redis.delete(timetable.lock_key)
    timetable.tick()
    assert timetable.lock.owned()
    timetable.lock.redis.set(timetable.lock_key, "another's")
    before = timetable.Entry.from_key("linecard:test:tend-pops", app=timetable.app)
    before.reschedule(clock.now() - timedelta(hours=1))
    timetable.tick()
    after = timetable.Entry.from_key("linecard:test:tend-pops", app=timetable.app)
    assert after.last_run_at == before.last_run_at
    assert not timetable.lock.owned()


def test_a_lock_of_who_died_while_the_clock_was_a_day_ahead_is_not_waited_for_a_day(timetable):
    server, key = timetable.lock.redis, timetable.lock_key
    server.set(key, "killed", px=86_400_000)
    assert timetable.tick() == PAUSE_S  # one that stands by sees to it
    assert server.ttl(key) <= timetable.lock_timeout
    server.set(key, "killed", px=86_400_000)
    assert BoundedLock(server, key, timeout=0.3, sleep=0.1).acquire(blocking_timeout=5)
    server.set(key, "alive", px=200)
    assert not BoundedLock(server, key, timeout=0.3).acquire(blocking=False)
    assert server.pttl(key) <= 200


def test_the_timetable_outlives_a_server_that_is_away(timetable, monkeypatch, tmp_path):
    away = redis.Redis(unix_socket_path=str(tmp_path / "nobody"))
    monkeypatch.setattr(timetable.app, REDBEAT_REDIS_KEY, away)
    assert timetable.tick() == PAUSE_S


def test_rounds_for_a_worker_that_is_gone_do_not_pile_up_and_the_late_ones_are_done_by_nobody(
    fresh_database, server_settings, start_worker, queue
):
    """Nobody serves the queue: it takes so many and no more; who comes later finds only what has expired."""
    with fresh_database.transaction() as session:
        testing.pop(session, is_alive=False)
        watch_rounds.ensure(session, server_settings, clock.now())
    refused = 0
    for _ in range(enqueue.MOST_WAITING + 25):
        try:
            enqueue.watch_round(queue, "core", "devices", at="core", expires_s=1)
        except errors.Unavailable:
            refused += 1
    assert refused == 25
    assert celery_app.waiting(queue, "probe.core") == enqueue.MOST_WAITING
    time.sleep(1.1)
    start_worker("probe.core", "probe.core", "-P", "threads", "-c", "4")
    wait_for(lambda: celery_app.waiting(queue, "probe.core") == 0, 20)
    assert round_number(fresh_database) == 0
    enqueue.watch_round(queue, "core", "devices", at="core", expires_s=30)
    wait_for(lambda: round_number(fresh_database) == 1, 20)


def round_number(database) -> int:
    with database.reading() as session:
        return session.get(WatchRound, ("core", RoundKind.DEVICES)).number
