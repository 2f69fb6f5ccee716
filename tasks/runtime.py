"""What a worker process works with: settings, database, streams, keys; opened when first needed."""

import os
import threading

import redis

from core import clock, db, secrets
from core.settings import Settings, SettingsError


class Runtime:
    """One per process, shared by its threads. After a fork the child calls `renew` and opens its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.steady = clock.Steady()
        self.is_stopping = threading.Event()  # set when the worker is asked to end: long jobs end early
        self.renew()

    def renew(self) -> None:
        """Forget what was opened before a fork, without closing it: it is the parent's."""
        self._lock = threading.Lock()
        self._database: db.Database | None = None
        self._redis: redis.Redis | None = None
        self._ring: secrets.Ring | None = None

    @property
    def database(self) -> db.Database:
        """The door to PostgreSQL; raises SettingsError when no URL is set."""
        with self._lock:
            if self._database is None:
                url = self.settings.data.database_url
                if url is None:
                    raise _unset("data.database_url")
                engine = db.engine_of(
                    url.get_secret_value(),
                    pool_size=self.settings.data.pool_size,
                    application_name=f"linecard-worker-{os.getpid()}",
                )
                self._database = db.Database(engine)
            return self._database

    @property
    def redis(self) -> "redis.Redis":
        """The server of the live streams; raises SettingsError when no URL is set."""
        with self._lock:
            if self._redis is None:
                self._redis = redis.Redis.from_url(
                    queue_url(self.settings),
                    socket_connect_timeout=3,
                    socket_timeout=10,
                    health_check_interval=30,
                    # Every thread of the pool may need one at once, and a diagnosis at a POP one a question.
                    max_connections=16 * self.settings.diagnostics.probe_threads + 32,
                )
            return self._redis

    @property
    def ring(self) -> secrets.Ring:
        """The keys that open stored device passwords; raises Invalid when none is set."""
        with self._lock:
            if self._ring is None:
                keys = [key.get_secret_value() for key in self.settings.secrets.keys]
                self._ring = secrets.Ring(keys)
            return self._ring

    def close(self) -> None:
        """Close what is open: at the end of the process."""
        with self._lock:
            if self._database is not None:
                self._database.dispose()
            if self._redis is not None:
                self._redis.close()


def queue_url(settings: Settings) -> str:
    """Return the URL of the queue and the streams as redis-py spells it; raises SettingsError when unset."""
    url = settings.data.queue_url
    if url is None:
        raise _unset("data.queue_url")
    return url.get_secret_value()


def _unset(name: str) -> SettingsError:
    return SettingsError(
        f"{name} is not set: `linecard up` runs the servers and sets it for its workers; "
        "in production write it into the settings file"
    )
