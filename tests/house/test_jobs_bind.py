"""Every job sent by name exists and takes the arguments it is sent with; the web loads no wire library."""

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.schedules import crontab

from core import errors
from core.settings import Settings
from tasks import celery_app, enqueue, jobs, schedule
from tasks.runtime import Runtime

ROOT = Path(__file__).resolve().parents[2]

# Every function of tasks.enqueue with arguments as its callers give them, and the queue it goes to.
SENT: dict[str, tuple[Callable[[Celery], None], str]] = {
    "diagnose": (lambda app: enqueue.diagnose(app, 7, pop="lviv", expires_s=30), "probe.lviv"),
    "sweep_access": (enqueue.sweep_access, "gate.core"),
    "observe_access": (lambda app: enqueue.observe_access(app, pop="lviv"), "gate.lviv"),
    "try_gate": (lambda app: enqueue.try_gate(app, 7, pop="lviv", expires_s=20), "gate.lviv"),
    "watch_round": (
        lambda app: enqueue.watch_round(app, "lviv", "devices", at="core", expires_s=60),
        "probe.core",
    ),
    "close_day": (lambda app: enqueue.close_day(app, "2026-11-22"), "work"),
    "charge": (lambda app: enqueue.charge(app, "2026-11-22", "Bohdan"), "work"),
    "document_charges": (lambda app: enqueue.document_charges(app, "2026-11-01", "Bohdan"), "work"),
    "work_cutoff": (lambda app: enqueue.work_cutoff(app, 7), "work"),
    "let_in": (enqueue.let_in, "work"),
    "settle_bank": (enqueue.settle_bank, "work"),
    "deliver": (enqueue.deliver, "work"),
    "geocode": (enqueue.geocode, "work"),
    "move_in": (enqueue.move_in, "work"),
    "tend_pops": (enqueue.tend_pops, "work"),
    "note_beat": (enqueue.note_beat, "work"),
}


@pytest.fixture
def app(settings: Settings) -> Iterator[Celery]:
    made = celery_app.make("memory://")
    jobs.register(made, Runtime(settings))
    yield made
    made.close()


def _message(app: Celery, queue: str) -> dict[str, Any]:
    with app.connection_for_read() as connection:
        box = connection.SimpleQueue(queue)
        message = box.get(block=False)
        message.ack()
        body = message.payload if isinstance(message.payload, list) else json.loads(message.body)
        headers = dict(message.headers)
        box.close()
    return {"task": headers["task"], "expires": headers["expires"], "args": body[0], "kwargs": body[1]}


def _bind(app: Celery, task: str, args: Any, kwargs: Any) -> None:
    assert task in app.tasks, f"there is no job {task}"
    inspect.signature(app.tasks[task].run).bind(*args, **kwargs)


def test_every_sender_is_tried_here() -> None:
    senders = {
        name
        for name, value in vars(enqueue).items()
        if inspect.isfunction(value) and value.__module__ == enqueue.__name__ and not name.startswith("_")
    }
    assert senders == set(SENT)


@pytest.mark.parametrize("name", sorted(SENT))
def test_a_job_sent_by_name_binds_to_a_real_job(app: Celery, name: str) -> None:
    send, queue = SENT[name]
    send(app)
    message = _message(app, queue)
    assert message["task"] == name
    assert message["expires"], "a dead worker must not find a heap of jobs"
    _bind(app, message["task"], message["args"], message["kwargs"])


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1"])
def test_the_timetable_sends_real_jobs_to_queues_somebody_works_on(
    app: Celery, make_settings: Any, url: str
) -> None:
    table = schedule.table(make_settings(geocoding={"url": url}, cutoff={"night_hour": 23}))
    for entry in table.values():
        _bind(app, entry["task"], entry["args"], {})
        assert entry["options"]["queue"] in {"work", "gate.core"}
        assert entry["options"]["expires"]
    assert ("geocode" in table) == bool(url)
    assert isinstance(table["close-day"]["schedule"], crontab)
    assert table["close-day"]["schedule"].hour == {23}
    assert table["verify-ledger"]["schedule"].hour == {0}


def test_every_job_is_sent_by_somebody(app: Celery, make_settings: Any) -> None:
    ours = {name for name in app.tasks if not name.startswith("celery.")}
    table = schedule.table(make_settings(geocoding={"url": "http://127.0.0.1:1"}))
    assert ours == set(SENT) | {entry["task"] for entry in table.values()}


def test_the_night_waits_for_a_plan_made_by_hand_and_for_a_database_that_is_away(app: Celery) -> None:
    assert set(app.tasks["close_day"].autoretry_for) == {errors.Unavailable, errors.Busy}
    assert app.tasks["close_day"].max_retries is None
    assert set(app.tasks["charge"].autoretry_for) == {errors.Unavailable}


def test_only_what_may_be_lost_or_repeated_is_acknowledged_late(app: Celery) -> None:
    late = {name for name, task in app.tasks.items() if task.acks_late and not name.startswith("celery.")}
    assert late == {
        "sweep_access",
        "observe_access",
        "close_day",
        "charge",
        "document_charges",
        "work_cutoff",
    }


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("unix:///run/x/queue.sock?db=0", "redis+socket:///run/x/queue.sock?virtual_host=8"),
        ("unix:///run/x/queue.sock", "redis+socket:///run/x/queue.sock?virtual_host=8"),
        ("unix://:pw@/run/x/queue.sock?db=3", "redis+socket://:pw@/run/x/queue.sock?virtual_host=11"),
        ("redis://host:6379/9", "redis://host:6379/1"),
        ("redis://:pw@host/0", "redis://:pw@host/8"),
        ("rediss://host:6380?db=2", "rediss://host:6380/10"),
        ("amqp://guest@host//", "amqp://guest@host//"),
    ],
)
def test_the_broker_has_another_database_than_the_streams(url: str, wanted: str) -> None:
    assert celery_app.broker_url(url) == wanted


LOADED = """
import sys
sys.path.insert(0, {root!r})
from core import settings
from webapp import factory
made = settings.Settings.model_validate({{
    "web": {{"secret_key": "x" * 43}},
    "data": {{"database_url": "postgresql://nobody@127.0.0.1:1/none", "queue_url": "redis://127.0.0.1:1/0"}},
}})
factory.create_app(made)
refused = ("icmplib", "scapy", "pysnmp", "netdiag", "gates", "geopy")
print([name for name in sys.modules if name.split(".")[0] in refused])
"""


def test_the_web_process_loads_no_wire_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(root=str(ROOT))],
        capture_output=True,
        text=True,
        timeout=240,
        env=dict(os.environ),
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "[]"
