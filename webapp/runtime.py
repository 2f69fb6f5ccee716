"""What the web process works with: settings, database, streams, queue. `runtime.current()` in a view."""

from dataclasses import dataclass, field
from datetime import date

import redis
from flask import current_app

from billing import policies
from core import clock, db, live, secrets
from core.settings import Settings, SettingsError
from tasks import celery_app

KEY = "linecard"


@dataclass(frozen=True, slots=True)
class Runtime:
    """One per process. `queue` is what tasks.enqueue sends through, `hub` follows live runs.

    `policy` knows the rules by which debt cuts, `steady` whether the clock jumped.
    """

    settings: Settings
    database: db.Database
    redis: "redis.Redis"
    queue: celery_app.Celery
    hub: live.Hub
    policy: policies.Kept
    steady: clock.Steady = field(default_factory=clock.Steady)

    @property
    def ring(self) -> secrets.Ring:
        """The keys that seal and open device passwords; raises Invalid when none is set."""
        return secrets.Ring([key.get_secret_value() for key in self.settings.secrets.keys])


def make(settings: Settings, database: db.Database | None = None, *, name: str = "linecard-web") -> Runtime:
    """Put it together; nothing is opened before it is used. Raises SettingsError when a URL is missing.

    `name` is what the database calls its connections.
    """
    queue_url = _url(settings.data.queue_url, "queue_url")
    if database is None:
        url = _url(settings.data.database_url, "database_url")
        database = db.Database(db.engine_of(url, pool_size=settings.data.pool_size, application_name=name))
    client = redis.Redis.from_url(
        queue_url,
        socket_connect_timeout=3,
        socket_timeout=live.Hub.BLOCK_MS / 1000 + 5,
        health_check_interval=30,
        # A stream reads what it missed over a connection of its own; the usual limit is 100.
        max_connections=settings.web.threads + 32,
    )
    return Runtime(
        settings=settings,
        database=database,
        redis=client,
        queue=celery_app.make(queue_url),
        hub=live.Hub(client),
        policy=policies.Kept(database, settings),
    )


def _url(secret: object, name: str) -> str:
    if secret is None:
        message = f"data.{name} is not set: `linecard up` runs its own server; in production write the URL"
        raise SettingsError(message)
    return str(secret.get_secret_value())  # type: ignore[attr-defined]


def current() -> Runtime:
    """Return the runtime of the application that answers this request."""
    found: Runtime = current_app.extensions[KEY]
    return found


def today() -> date:
    """Return the business day of the ISP."""
    return clock.today(current().settings.isp.time_zone)
