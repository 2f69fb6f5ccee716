"""Geocoding: how far it is, which addresses got no point and why, try again, run now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, render_template, request
from flask_babel import gettext, ngettext

from core import errors
from registry import geocoding, upkeep
from registry.geocoding import Counts, Failure
from tasks import enqueue
from webapp import identity, permissions, rendering, runtime

PAGE = 50
PART = "geocode"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the geocoding stands."""

    counts: Counts
    at: datetime | None
    facts: dict[str, Any]
    is_set_up: bool

    @property
    def is_running(self) -> bool:
        """Whether a run is going on."""
        return bool(self.facts.get("is_running"))

    @property
    def percent(self) -> int:
        """How much of the run is done."""
        total = self.facts.get("total") or 0
        return round(100 * self.facts.get("done", 0) / total) if total else 0


@permissions.required("geocode.run")
def listing() -> Response:
    """The addresses without a point, with the reason."""
    found = runtime.current()
    with found.database.reading() as session:
        failures: list[Failure] = geocoding.failures(
            session, limit=PAGE + 1, after_id=request.args.get("after", 0, type=int)
        )
    return rendering.page_or_fragment(
        "network/geocoding.html",
        "network/geocoding.html",
        failures=failures[:PAGE],
        after=failures[PAGE - 1].address_id if len(failures) > PAGE else None,
        progress=_progress(),
    )


@permissions.required("geocode.run")
def progress() -> Response:
    """How far the run is; asked every second while it goes on."""
    return Response(render_template("network/_progress.html", progress=_progress(), is_asked=False))


@permissions.required("geocode.run")
def run() -> Response:
    """Start a run now."""
    found = runtime.current()
    if not found.settings.geocoding.url:
        raise errors.Invalid(gettext("No geocoder is configured: set geocoding.url in the settings file."))
    enqueue.geocode(found.queue)
    if rendering.is_htmx():
        return Response(render_template("network/_progress.html", progress=_progress(), is_asked=True))
    rendering.say(gettext("The run starts."))
    return rendering.go("network.geocoding")


@permissions.required("geocode.run")
def retry() -> Response:
    """Let one address, or every failed one, be asked anew."""
    address_id = request.form.get("address_id", type=int)
    with runtime.current().database.transaction() as session:
        count = geocoding.try_again(session, identity.actor(), address_id)
    rendering.say(ngettext("%(num)s address is asked anew.", "%(num)s addresses are asked anew.", count))
    if runtime.current().settings.geocoding.url:
        enqueue.geocode(runtime.current().queue)
    return rendering.go("network.geocoding")


def _progress() -> Progress:
    found = runtime.current()
    with found.database.reading() as session:
        beat = upkeep.find_beat(session, PART)
        return Progress(
            counts=geocoding.counts(session, found.settings.geocoding),
            at=beat.at if beat else None,
            facts=dict(beat.facts) if beat else {},
            is_set_up=bool(found.settings.geocoding.url),
        )
