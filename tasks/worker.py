"""The composition root of workers and beat: `celery -A tasks.worker worker` and `... beat`."""

import contextlib
from typing import Any

from celery import signals

from core import errors, logs
from core import settings as core_settings
from gates import nft_program
from tasks import celery_app, enqueue, jobs, schedule, upkeep
from tasks.runtime import Runtime, queue_url

settings = core_settings.load()
nft_program.allow(settings.gates.nft_programs)
runtime = Runtime(settings)
app = celery_app.make(queue_url(settings))
app.conf.update(
    timezone=settings.isp.time_zone,
    beat_schedule=schedule.table(settings),
    beat_max_loop_interval=2,
    redbeat_redis_url=queue_url(settings),
    redbeat_redis_options={"socket_connect_timeout": 3, "socket_timeout": 10, "retry_period": 60},
    redbeat_key_prefix="linecard:beat:",
    # A beat killed with -9 holds its lock this long; then another one, or its successor, ticks.
    redbeat_lock_timeout=10,
)
jobs.register(app, runtime)
_life = upkeep.Heart(settings)


def _set_up_logs(**_: Any) -> None:
    logs.set_up(settings.logs.level, is_json=settings.logs.is_json)


def _after_fork(**_: Any) -> None:
    runtime.renew()


def _start_beating(sender: Any, **_: Any) -> None:
    _life.start(str(sender.hostname).partition("@")[0])


def _stop_beating(**_: Any) -> None:
    runtime.is_stopping.set()
    _life.stop()


def _beat_at_once(**_: Any) -> None:
    # The timetable's own entry comes half a minute later; whoever starts us waits for the first sign of life.
    with contextlib.suppress(errors.Unavailable):
        enqueue.note_beat(app)


signals.setup_logging.connect(_set_up_logs, weak=False)
signals.beat_init.connect(_beat_at_once, weak=False)
signals.worker_process_init.connect(_after_fork, weak=False)
signals.worker_ready.connect(_start_beating, weak=False)
signals.worker_shutting_down.connect(_stop_beating, weak=False)
