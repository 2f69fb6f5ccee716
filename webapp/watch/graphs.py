"""Graphs of a customer's line or of a device, and the JSON they draw."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, jsonify, request, url_for

from core import clock
from registry import customers, gear, history, watch_views
from registry.models import SeriesKind
from registry.watch_views import SeriesView
from webapp import permissions, rendering, runtime

SPANS = {"hour": 3600, "day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400, "year": 365 * 86_400}
_MOST = timedelta(days=1100)
_FORM = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True, slots=True)
class Period:
    """What is shown; `span` is empty when it was chosen from and to."""

    span: str
    since: datetime
    until: datetime

    @property
    def marks(self) -> dict[str, int]:
        """The period as the graphs' URL says it; a chosen one is told as finely as it was measured."""
        marks = {"since": int(self.since.timestamp()), "until": int(self.until.timestamp())}
        return marks if self.span else marks | {"fine": 1}


def _period() -> Period:
    now = clock.now()
    zone = ZoneInfo(runtime.current().settings.isp.time_zone)
    since, until = _moment(request.args.get("from", ""), zone), _moment(request.args.get("to", ""), zone)
    if since is not None and since < (until or now):
        until = min(until or now, now)
        return Period("", max(since, until - _MOST), until)
    span = request.args.get("span", "day")
    span = span if span in SPANS else "day"
    return Period(span, now - timedelta(seconds=SPANS[span]), now)


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        return datetime.strptime(text, _FORM).replace(tzinfo=zone)
    except ValueError:
        return None


@permissions.required("diagnostics.view")
def customer(customer_id: int) -> Response:
    """The panel of a card: reachability, usage and light of a period, and activity by day and hour."""
    with runtime.current().database.reading() as session:
        name = customers.get(session, customer_id).name
        views = watch_views.of_customer(session, customer_id)
        grid = _heat(session, views)
    return _answer(name, url_for("customers.card", customer_id=customer_id), views, grid)


@permissions.required("diagnostics.view")
def device(device_id: int) -> Response:
    """The same of a device of the network, with the usage of its ports."""
    with runtime.current().database.reading() as session:
        name = gear.own(session, device_id).name
        views = watch_views.of_device(session, device_id)
    return _answer(name, url_for("setup.device", device_id=device_id), views, ())


def _heat(session: Any, views: tuple[SeriesView, ...]) -> tuple[tuple[int, ...], ...]:
    wanted = next((view for view in views if view.kind in (SeriesKind.RADIUS, SeriesKind.CUSTOMER)), None)
    if wanted is None:
        return ()
    return watch_views.heat(session, wanted.id, runtime.current().settings, clock.now())


def _answer(
    name: str, back_url: str, views: tuple[SeriesView, ...], grid: tuple[tuple[int, ...], ...]
) -> Response:
    period = _period()
    zone = ZoneInfo(runtime.current().settings.isp.time_zone)
    return rendering.page_or_fragment(
        "watch/page.html",
        "watch/_panel.html",
        name=name,
        back_url=back_url,
        views=views,
        period=period,
        shown={
            "from": period.since.astimezone(zone).strftime(_FORM),
            "to": period.until.astimezone(zone).strftime(_FORM),
        },
        spans=tuple(SPANS),
        grid=tuple(tuple((cell, watch_views.shade(cell, grid)) for cell in row) for row in grid),
    )


@permissions.required("diagnostics.view")
def series(series_id: int) -> Response:
    """A period of a series as columns for a graph: at most some hundreds of points, null where a gap is."""
    settings, now = runtime.current().settings, clock.now()
    since = _second("since", now - timedelta(days=1))
    until = min(_second("until", now), now)
    with runtime.current().database.reading() as session:
        kind = watch_views.kind_of(session, series_id)
        found = history.read(
            session,
            kind,
            series_id,
            max(since, until - _MOST),
            until,
            interval_s=watch_views.interval_s(settings, kind),
            now=now,
            minute_days=settings.watch.minute_days,
            points=history.FINE_POINTS if request.args.get("fine") == "1" else history.POINTS,
        )
    return jsonify(kind=kind.value, step_s=found.step_s, columns=columns(kind, found))


def _second(name: str, usual: datetime) -> datetime:
    text = request.args.get(name, "")
    is_number = text.isascii() and text.isdecimal() and len(text) < 11
    return datetime.fromtimestamp(int(text), usual.tzinfo) if is_number else usual


def columns(kind: SeriesKind, found: history.Reading) -> list[list[float | None]]:
    """Return times and values column by column, with a row of nulls in the middle of each gap."""
    rows: list[tuple[float | None, ...]] = []
    last = None
    for at, point in found.points:
        values = _values(kind, point)
        if last is not None and at - last > found.pause_s:
            rows.append(((last + at) // 2, *(None for _ in values)))
        rows.append((at, *values))
        last = at
    width = 4 if kind is SeriesKind.LEVEL else 5
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def _values(kind: SeriesKind, point: Any) -> tuple[float | None, ...]:
    if kind is SeriesKind.PING:
        return (
            point.avg_ms,
            point.min_ms,
            point.max_ms,
            round(100 * point.lost / point.sent, 1) if point.sent else None,
        )
    if kind is SeriesKind.LEVEL:
        return tuple(None if one is None else one / 100 for one in (point.avg_rx, point.min_rx, point.avg_tx))
    pace = 8 / point.seconds
    return (point.out_octets * pace, point.in_octets * pace, point.peak_out_bps, point.peak_in_bps)
