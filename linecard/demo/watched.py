"""Writes the demo's history: a month of echoes, octets and light as if watched; the same every time."""

import math
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from linecard.demo import echo, gear, light, plan
from linecard.demo.records import World
from registry import series_codec, usage
from registry.models import IpAddress, Port, SeriesKind
from registry.series_codec import LEVEL, PING, TICK_S, USAGE, Codec, LevelPoint, PingPoint, usage_moment

DAYS = 30
_STEP_S = 300
_DEAD_DAYS = 6
# Lines of one kind have their days from a few samples: what differs is who has which on what day.
_SAMPLES = 4
_GEAR_PACE = echo.Pace(0.4, 0.1)
_TOLD_LIGHT = ("olt-core", "olt-north")
_MBIT = {"ethernet": 14e6, "pon": 22e6, "radio": 4e6}

_WRITE = text(
    """
    WITH days AS (
        INSERT INTO series_days (series_id, day, packed, hours)
        SELECT s, d, :packed, :hours FROM unnest(:series ::bigint[], :days ::date[]) AS v(s, d)
    )
    INSERT INTO series_minutes (series_id, day, packed)
    SELECT s, d, :minutes FROM unnest(:series ::bigint[], :days ::date[]) AS v(s, d) WHERE d >= :recent
    """
)


def write(session: Session, world: World) -> None:
    """Add a month of history for customers and gear: hours, and minutes of the last two days."""
    chance = random.Random(plan.SEED + 5)  # noqa: S311 - the same story every time, no secret
    rows = session.execute(select(IpAddress.customer_id, IpAddress.id))
    addresses: defaultdict[int, list[int]] = defaultdict(list)
    for customer_id, ip_id in rows:
        addresses[customer_id].append(ip_id)
    ids = [ip_id for found in addresses.values() for ip_id in found]
    pings = usage.ensure_series(session, SeriesKind.PING, "ip_id", ids)
    own = {customer.number: world.customers[customer.number].id for customer in world.isp.connected}
    octets = usage.ensure_series(session, SeriesKind.CUSTOMER, "customer_id", own.values())
    kinds: defaultdict[tuple[Any, ...], list[tuple[int, int]]] = defaultdict(list)
    for customer in world.isp.connected:
        key = (customer.access, customer.trouble, customer.is_alive)
        for ip_id in addresses[own[customer.number]]:
            kinds["ping", *key].append((pings[ip_id], int(customer.number)))
        kinds["octets", *key].append((octets[own[customer.number]], int(customer.number)))
    for (what, access, trouble, is_alive), members in sorted(kinds.items(), key=str):
        sample = next(
            one
            for one in world.isp.connected
            if (one.access, one.trouble, one.is_alive) == (access, trouble, is_alive)
        )
        makes: Codec[Any] = PING if what == "ping" else USAGE
        for number in range(_SAMPLES):
            most_bps = _MBIT[str(sample.access)] * chance.uniform(0.5, 1.5)
            is_ping = what == "ping"
            entries = list(_echoes(echo.usual_pace(sample), chance) if is_ping else _octets(most_bps, chance))
            _write(session, _Sample(makes, entries, number, is_alive), members, world.now)
    _write_light(session, world)
    _write_gear(session, world, chance)


def _write_light(session: Session, world: World) -> None:
    """Give every unit the OLTs tell of a month of light."""
    lit = {
        world.devices[one.device_key].id: one
        for one in world.isp.connected
        if one.access == "pon" and one.node in _TOLD_LIGHT
    }
    series = usage.ensure_series(session, SeriesKind.LEVEL, "device_id", lit)
    for device_id, customer in lit.items():
        entries = [(second // TICK_S, _level(customer, second)) for second in range(0, 86_400, _STEP_S)]
        made = _Sample(LEVEL, entries, 0, customer.is_alive, 1)
        _write(session, made, [(series[device_id], 0)], world.now)


def _level(customer: plan.Customer, second: int) -> LevelPoint:
    received, sent, _ = (round(100 * power) for power in light.of_customer(customer, second))
    return LevelPoint(1, received, received, received, sent)


def _write_gear(session: Session, world: World, chance: random.Random) -> None:
    """Give the ISP's own devices a month of echoes, and the ports of those that tell a month of octets."""
    own = {world.devices[device.key].id: device for device in world.isp.devices if device.address}
    pings = usage.ensure_series(session, SeriesKind.PING, "device_id", own)
    readable = [key for key, device in own.items() if _is_read(device)]
    rows = session.execute(select(Port.id, Port.is_uplink).where(Port.device_id.in_(readable)))
    ports = dict(rows.all())
    octets = usage.ensure_series(session, SeriesKind.PORT, "port_id", ports)
    for number in range(_SAMPLES):
        echoes = list(_echoes(_GEAR_PACE, chance))
        _write(session, _Sample(PING, echoes, number), [(one, key) for key, one in pings.items()], world.now)
        for is_uplink, most_bps in ((True, 400e6), (False, 18e6)):
            members = [(one, key) for key, one in octets.items() if ports[key] is is_uplink]
            passed = list(_octets(most_bps * chance.uniform(0.5, 1.5), chance))
            _write(session, _Sample(USAGE, passed, number), members, world.now)


def _is_read(device: gear.Device) -> bool:
    return bool(device.snmp) and device.answers == "yes" and not (device.snmp and device.snmp.is_filed_wrong)


@dataclass(frozen=True, slots=True)
class _Sample:
    """One day of a kind of line, and which of the samples it is."""

    codec: Codec[Any]
    entries: list[tuple[int, Any]]
    number: int
    is_alive: bool = True
    of: int = _SAMPLES


def _write(session: Session, sample: _Sample, members: list[tuple[int, int]], now: datetime) -> None:
    """Give the members this sample on the days that fall to it; today ends now, the dead ended days ago."""
    codec, entries, number, is_alive = sample.codec, sample.entries, sample.number, sample.is_alive
    now = now.astimezone(UTC)
    today = now.date()
    end = int((now - datetime(today.year, today.month, today.day, tzinfo=UTC)).total_seconds()) // TICK_S
    dead = [(tick, PingPoint(1, 1, None, None, None)) for tick, _ in entries] if codec is PING else []
    for first, last, is_dead in (
        (DAYS, _DEAD_DAYS, False),
        (_DEAD_DAYS, 0, not is_alive),
        (0, -1, not is_alive),
    ):
        told = dead if is_dead else entries
        told = [entry for entry in told if first or entry[0] < end]
        days = [today - timedelta(days=ago) for ago in range(first, last, -1)]
        pairs = [
            (series_id, day)
            for series_id, key in members
            for day in days
            if (key + day.toordinal()) % sample.of == number
        ]
        if not told or not pairs:
            continue
        minutes, figure, hours = series_codec.day_of(codec, told)
        session.execute(
            _WRITE,
            {
                "series": [series_id for series_id, _ in pairs],
                "days": [day for _, day in pairs],
                "packed": figure,
                "hours": hours,
                "minutes": minutes,
                "recent": today - timedelta(days=1),
            },
        )


def _echoes(usual: echo.Pace, chance: random.Random) -> Iterator[tuple[int, PingPoint]]:
    """Yield a day of echoes of a line or a device: later and more unevenly in the evening."""
    for second in range(0, 86_400, _STEP_S):
        busy = _busy(second)
        delay = usual.delay_s(chance, 84)
        rtt_ms = None if delay is None else delay * 1000 * (1 + 0.6 * busy * chance.random())
        yield second // TICK_S, PingPoint(1, int(rtt_ms is None), rtt_ms, rtt_ms, rtt_ms)


def _octets(most: float, chance: random.Random) -> Iterator[tuple[int, Any]]:
    """Yield a day of octets: little at night, most in the evening, with a pause in which nothing was read."""
    pause = chance.randrange(8, 20) * 3600
    for second in range(0, 86_400, _STEP_S):
        if not pause <= second < pause + 1500:
            down = int(most * (0.02 + _busy(second)) * chance.uniform(0.2, 1.0) * _STEP_S / 8)
            yield second // TICK_S, usage_moment(_STEP_S, int(down * chance.uniform(0.03, 0.12)), down)


def _busy(second: int) -> float:
    """Return how busy the town is at a second of the day (UTC), 0 to 1: the evening is the peak."""
    hour = second / 3600
    return math.exp(-(((hour - 18.5) / 2.6) ** 2)) + 0.25 * math.exp(-(((hour - 10) / 3) ** 2))
