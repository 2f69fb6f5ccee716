"""Geocoding: at most so many addresses a run, one request a second for the whole installation."""

import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import redis
import structlog
from geopy import adapters, exc
from geopy.geocoders import Nominatim

from core import clock
from core.settings import Geocoding
from core.words import N_
from registry import geocoding, upkeep
from tasks.runtime import Runtime

log = structlog.get_logger()

PART = "geocode"
_TOKEN = "geocoding:token"  # noqa: S105 - a key in Redis, no secret
_RUN = "geocoding:run"
_PAUSE = "geocoding:pause"
_TROUBLE = "geocoding:trouble"
_RUN_S = 120
_PAUSE_FIRST_S = 60
_PAUSE_LIMIT_S = 6 * 3600
# Nominatim's ranks: 30 is a house, 26 and 27 are streets, less is a place around it.
_HOUSE_RANK, _STREET_RANK = 28, 26


class Refused(Exception):
    """The server does not serve us now; the text says why. Asking on would only make it worse."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


@dataclass
class Progress:
    """How far a run is; shown on the page."""

    total: int = 0
    done: int = 0
    placed: int = 0
    failed: int = 0
    is_running: bool = True
    error: str = ""
    started_at: datetime = field(default_factory=clock.now)

    def facts(self) -> dict[str, Any]:
        """Return the values as JSON knows them."""
        return {**vars(self), "started_at": self.started_at.isoformat()}


def run(runtime: Runtime, *, sleep: Callable[[float], None] = time.sleep) -> Progress:
    """Look up some addresses without a point; stops early when the server refuses, with growing pauses."""
    settings = runtime.settings.geocoding
    if not settings.url or not runtime.redis.set(_RUN, "1", nx=True, ex=_RUN_S):
        return Progress(is_running=False)
    progress = Progress()
    try:
        pause_s = max(0, int(runtime.redis.ttl(_PAUSE)))
        if pause_s:
            progress.error = N_(
                "Waiting %(seconds)s s: the geocoder refused the last request", seconds=pause_s
            )
            return progress
        with runtime.database.reading() as session:
            rows = geocoding.waiting(session, settings, limit=settings.per_run)
        progress.total = len(rows)
        for wanted in rows:
            runtime.redis.expire(_RUN, _RUN_S)
            _one(runtime, wanted, progress, sleep)
            _tell(runtime, progress)
        runtime.redis.delete(_TROUBLE)
    except Refused as refusal:
        progress.error = str(refusal)
        _pause(runtime, refusal)
        log.warning("geocoder_refused", reason=str(refusal))
    finally:
        progress.is_running = False
        _tell(runtime, progress)
        runtime.redis.delete(_RUN)
    return progress


def _tell(runtime: Runtime, progress: Progress) -> None:
    with runtime.database.transaction() as session:
        upkeep.beat(session, PART, progress.facts())


def _pause(runtime: Runtime, refusal: Refused) -> None:
    times = int(runtime.redis.incr(_TROUBLE))
    pause_s = min(_PAUSE_FIRST_S * 2 ** (times - 1), _PAUSE_LIMIT_S)
    runtime.redis.set(_PAUSE, "1", ex=int(max(pause_s, refusal.retry_after_s or 0)))


def _one(
    runtime: Runtime, wanted: geocoding.Wanted, progress: Progress, sleep: Callable[[float], None]
) -> None:
    answer = _answer(runtime, wanted.query, sleep)
    with runtime.database.transaction() as session:
        if answer is None:
            progress.failed += geocoding.fail(session, wanted, N_("The geocoder knows no such address"))
        elif answer["accuracy"] not in ("house", "street"):
            reason = N_("Only %(what)s was found: %(place)s", what=answer["accuracy"], place=answer["text"])
            progress.failed += geocoding.fail(session, wanted, reason)
        else:
            progress.placed += geocoding.place(
                session,
                wanted,
                latitude=answer["latitude"],
                longitude=answer["longitude"],
                accuracy=answer["accuracy"],
            )
    progress.done += 1


def _answer(
    runtime: Runtime, query: geocoding.Query, sleep: Callable[[float], None]
) -> dict[str, Any] | None:
    """Return the remembered answer, else ask; no transaction is open while waiting for the server."""
    settings = runtime.settings.geocoding
    not_before = clock.now() - timedelta(days=settings.retry_days)
    with runtime.database.reading() as session:
        known = geocoding.recall(session, query, not_before=not_before)
        if known is not None:
            return known.answer
    _take_turn(runtime.redis, settings.requests_per_second, sleep)
    answer = ask(settings, query)
    with runtime.database.transaction() as session:
        geocoding.remember(session, query, answer, urllib.parse.urlsplit(settings.url).netloc)
    return answer


def _take_turn(client: "redis.Redis", per_second: float, sleep: Callable[[float], None]) -> None:
    """Wait for the one token of the whole installation: whoever sets the key may ask, for its lifetime."""
    life_ms = max(1, round(1000 / per_second))
    while not client.set(_TOKEN, "1", nx=True, px=life_ms):
        left_ms = int(client.pttl(_TOKEN))
        sleep(max(left_ms, 1) / 1000)


def ask(settings: Geocoding, query: geocoding.Query) -> dict[str, Any] | None:
    """Ask the Nominatim-compatible server once; None when it knows nothing. Raises Refused.

    See Nominatim's manual, /search with a structured query, and its usage policy for the user agent.
    """
    parts = urllib.parse.urlsplit(settings.url)
    agent = f"{settings.user_agent} ({settings.contact})" if settings.contact else settings.user_agent
    geocoder = Nominatim(
        user_agent=agent,
        scheme=parts.scheme,
        domain=f"{parts.netloc}{parts.path}".rstrip("/"),
        timeout=settings.timeout_s,
        # Not the one over requests: it repeats by itself and sleeps as long as Retry-After says.
        adapter_factory=adapters.URLLibAdapter,
    )
    words = {
        "street": query.street,
        "city": query.city,
        "state": query.region,
        "postalcode": query.postcode,
    }
    try:
        found = geocoder.geocode(
            {name: word for name, word in words.items() if word},
            country_codes=[query.country] if query.country else list(settings.countries) or None,
            exactly_one=True,
        )
    except exc.GeocoderQueryError:
        return None
    except exc.GeocoderRateLimited as error:
        raise Refused(N_("The geocoder says we ask too often"), error.retry_after) from error
    except exc.GeopyError as error:
        raise Refused(N_("The geocoder does not answer: %(fault)s", fault=error)) from error
    return None if found is None else _plain(found)


def _plain(found: Any) -> dict[str, Any]:
    raw = found.raw
    return {
        "latitude": float(found.latitude),
        "longitude": float(found.longitude),
        "text": str(found.address)[:300],
        "accuracy": _accuracy(raw),
        "osm": f"{raw.get('osm_type', '')}/{raw.get('osm_id', '')}",
    }


def _accuracy(raw: dict[str, Any]) -> str:
    """Return house, street, or in words what larger place was found."""
    rank = int(raw.get("place_rank") or 0)
    if rank >= _HOUSE_RANK or (not rank and raw.get("type") in ("house", "building")):
        return "house"
    if rank >= _STREET_RANK or (not rank and raw.get("class") == "highway"):
        return "street"
    return f"the {raw.get('addresstype') or raw.get('type') or 'place'}"
