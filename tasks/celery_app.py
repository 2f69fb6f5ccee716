"""The Celery application without any job in it: the web process sends with it, the workers fill it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import kombu.exceptions
import redis
from celery import Celery

from core import errors

WORK = "work"
# Redis has 16 databases unless told otherwise; the broker's keys stay out of the streams' way.
_DATABASES = 16
_BROKER_SHIFT = 8
VISIBILITY_S = 3600


def probe_queue(pop: str) -> str:
    """Return the queue of the jobs that put packets on the wire near `pop`."""
    return f"probe.{pop}"


def gate_queue(pop: str) -> str:
    """Return the queue of the jobs that open and close lines at the gates of `pop`."""
    return f"gate.{pop}"


def broker_url(queue_url: str) -> str:
    """Turn the settings' queue URL (redis-py's spelling, or amqp://) into Celery's.

    The broker gets another database than the streams: number + 8, modulo 16.
    """
    parts = urlsplit(queue_url)
    if parts.scheme in ("unix", "redis+socket"):
        words = parse_qs(parts.query)
        number = int((words.get("db") or words.get("virtual_host") or ["0"])[0])
        password = f":{parts.password}@" if parts.password else ""
        return f"redis+socket://{password}{parts.path}?virtual_host={_broker_number(number)}"
    if parts.scheme in ("redis", "rediss"):
        number = int(parts.path.strip("/") or parse_qs(parts.query).get("db", ["0"])[0])
        return parts._replace(path=f"/{_broker_number(number)}", query=_without_db(parts.query)).geturl()
    return queue_url


def make(queue_url: str) -> Celery:
    """Return a Celery application for the settings' queue URL; it opens no connection yet.

    JSON only, no results (what matters is a row), quick failure to send instead of a hanging page.
    """
    app = Celery("linecard", set_as_current=False, fixups=[])
    app.conf.update(
        broker_url=broker_url(queue_url),
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=3,
        broker_transport_options=_transport(queue_url),
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_default_queue=WORK,
        task_publish_retry_policy={"max_retries": 2, "interval_start": 0, "interval_step": 0.1},
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_enable_remote_control=True,
        enable_utc=True,
    )
    return app


def waiting(app: Celery, queue: str) -> int:
    """Return how many jobs wait in a queue; raises Unavailable when the broker does not answer."""
    try:
        with app.pool.acquire(block=True, timeout=3) as connection:
            connection.ensure_connection(max_retries=1, timeout=3)
            try:
                return int(connection.default_channel.queue_declare(queue=queue, passive=True).message_count)
            except connection.channel_errors:
                return 0  # nobody has put anything there yet
    except (kombu.exceptions.OperationalError, redis.RedisError, OSError) as error:
        raise errors.Unavailable("The job queue does not answer; try again in a moment") from error


def _transport(queue_url: str) -> dict[str, Any]:
    if not queue_url.startswith(("unix", "redis")):
        return {}
    return {
        "visibility_timeout": VISIBILITY_S,
        "socket_connect_timeout": 3,
        # Broker reads block for seconds by design; this only bounds a server that went deaf.
        "socket_timeout": 30,
        # No retry_on_timeout: with it redis-py takes up a lost subscription again by itself and then reads it
        # without end, in the only thread that takes jobs: a broker that came back at once had a worker idle.
        "health_check_interval": 25,
    }


def _broker_number(number: int) -> int:
    return (number + _BROKER_SHIFT) % _DATABASES


def _without_db(query: str) -> str:
    return "&".join(part for part in query.split("&") if part and not part.startswith("db="))
