"""Watching: who is swept from where, and what a round's answers make of everybody; all of it set by set.

A target is a device with an address or an address of a customer, unless it is marked as never watched. What
is before it is the device its uplink goes to: for a customer that of his switch port, else of his own device,
else the gateway of his network.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import text
from sqlalchemy.orm import Session

from registry import history, watch_rules
from registry.models import RoundKind, SeriesKind, WatchState
from registry.series_codec import PingPoint
from registry.watch_rounds import Claim
from registry.watch_rules import Standing

BATCH = 2048


class Echo(Protocol):
    """What a sweep says of one address: as netdiag.results.PingSummary has it."""

    @property
    def sent(self) -> int:
        """How many requests went out."""

    @property
    def received(self) -> int:
        """How many were answered."""

    @property
    def rtt_min_ms(self) -> float | None:
        """The shortest round trip."""

    @property
    def rtt_avg_ms(self) -> float | None:
        """The mean."""

    @property
    def rtt_max_ms(self) -> float | None:
        """The longest."""


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody to sweep; `device_id` only for devices, `upstream_id` is the device before it."""

    series_id: int
    address: str
    device_id: int | None
    upstream_id: int | None
    standing: Standing


@dataclass(frozen=True, slots=True)
class Field:
    """A round's targets, and all of the network's own devices: what each hangs on and how it stood."""

    targets: Sequence[Target]
    parents: Mapping[int, int | None]
    standings: Mapping[int, Standing]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a round found: the new standings by series, and those whose state changed."""

    standings: Mapping[int, Standing]
    changed: Sequence[tuple[Target, Standing]] = field(default=())


# Devices of the network, devices at customers, addresses of customers: all that have an address to ask.
_SYNC = (
    """
    INSERT INTO watch_series (kind, device_id)
    SELECT 'ping', d.id FROM devices d
    WHERE d.address IS NOT NULL AND NOT d.is_unwatched
      AND NOT EXISTS (SELECT FROM watch_series s WHERE s.device_id = d.id AND s.kind = 'ping')
    ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO watch_series (kind, ip_id)
    SELECT 'ping', i.id FROM ip_addresses i
    WHERE NOT i.is_unwatched AND NOT i.is_prefix
      AND NOT EXISTS (SELECT FROM watch_series s WHERE s.ip_id = i.id AND s.kind = 'ping')
    ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO watch_statuses (series_id, since)
    SELECT s.id, :now FROM watch_series s
    WHERE s.kind = 'ping' AND NOT EXISTS (SELECT FROM watch_statuses w WHERE w.series_id = s.id)
    ON CONFLICT DO NOTHING
    """,
    # Nobody asks them any more: how they stand is not known, when they were seen is.
    """
    UPDATE watch_statuses w
    SET state = 'unknown', since = :now, silent_rounds = 0, silent_since = NULL, died_at = NULL
    FROM watch_series s
    LEFT JOIN devices d ON d.id = s.device_id
    LEFT JOIN ip_addresses i ON i.id = s.ip_id
    WHERE s.id = w.series_id AND w.state <> 'unknown'
      AND (d.is_unwatched OR i.is_unwatched OR (d.id IS NOT NULL AND d.address IS NULL))
    """,
)

_STANDING = "w.state, w.since, w.silent_rounds, w.silent_since, w.last_seen_at, w.died_at"

_DEVICES = f"""
    SELECT s.id AS series_id, host(d.address) AS address, d.id AS device_id, d.parent_id AS upstream_id,
           {_STANDING}
    FROM devices d
    JOIN watch_series s ON s.device_id = d.id AND s.kind = 'ping'
    JOIN watch_statuses w ON w.series_id = s.id
    LEFT JOIN pops p ON p.id = d.pop_id
    WHERE d.customer_id IS NULL AND d.address IS NOT NULL AND NOT d.is_unwatched
      AND coalesce(p.code, :default_pop) = :pop
    ORDER BY s.id
"""  # noqa: S608 - constants of this module alone

_CUSTOMERS = f"""
    SELECT s.id AS series_id, host(i.address) AS address, NULL::bigint AS device_id,
           coalesce(
               (SELECT o.device_id FROM connections c JOIN ports o ON o.id = c.port_id
                WHERE c.customer_id = i.customer_id
                ORDER BY c.line_id IS NOT DISTINCT FROM i.line_id DESC, c.id LIMIT 1),
               d.parent_id, n.gateway_id) AS upstream_id,
           {_STANDING}
    FROM ip_addresses i
    JOIN networks n ON n.id = i.network_id
    JOIN watch_series s ON s.ip_id = i.id AND s.kind = 'ping'
    JOIN watch_statuses w ON w.series_id = s.id
    LEFT JOIN devices d ON d.id = i.device_id
    LEFT JOIN pops p ON p.id = n.pop_id
    WHERE NOT i.is_unwatched AND coalesce(p.code, :default_pop) = :pop
    UNION ALL
    SELECT s.id, host(d.address), NULL::bigint,
           coalesce(d.parent_id,
               (SELECT o.device_id FROM connections c JOIN ports o ON o.id = c.port_id
                WHERE c.customer_id = d.customer_id ORDER BY c.id LIMIT 1)),
           {_STANDING}
    FROM devices d
    JOIN watch_series s ON s.device_id = d.id AND s.kind = 'ping'
    JOIN watch_statuses w ON w.series_id = s.id
    LEFT JOIN networks n ON d.pop_id IS NULL AND n.cidr >>= d.address
    LEFT JOIN pops p ON p.id = coalesce(d.pop_id, n.pop_id)
    WHERE d.customer_id IS NOT NULL AND d.address IS NOT NULL AND NOT d.is_unwatched
      AND coalesce(p.code, :default_pop) = :pop
    ORDER BY 1
"""  # noqa: S608

_GROUND = f"""
    SELECT d.id AS device_id, d.parent_id, s.id AS series_id, {_STANDING}
    FROM devices d
    LEFT JOIN watch_series s ON s.device_id = d.id AND s.kind = 'ping' AND NOT d.is_unwatched
    LEFT JOIN watch_statuses w ON w.series_id = s.id
    WHERE d.customer_id IS NULL
"""  # noqa: S608

_SETTLE = text(
    """
    UPDATE watch_statuses w
    SET state = v.state, since = v.since, silent_rounds = v.silent_rounds, silent_since = v.silent_since,
        last_seen_at = v.last_seen_at, died_at = v.died_at, checked_at = :at,
        rtt_us = v.rtt_us, loss_percent = v.loss_percent
    FROM unnest(:ids ::bigint[], :states ::text[], :since ::timestamptz[], :rounds ::smallint[],
                :silent ::timestamptz[], :seen ::timestamptz[], :died ::timestamptz[],
                :rtt ::integer[], :loss ::smallint[])
         AS v(id, state, since, silent_rounds, silent_since, last_seen_at, died_at, rtt_us, loss_percent)
    WHERE w.series_id = v.id
    """
)

_SEEN = text(
    """
    UPDATE ip_addresses i SET last_seen_at = greatest(i.last_seen_at, :at)
    FROM watch_series s WHERE s.id = ANY(:ids ::bigint[]) AND i.id = s.ip_id
    """
)


def sync(session: Session, now: datetime) -> None:
    """Give whoever is new a series and a status; whoever is not watched any more is of unknown state."""
    for statement in _SYNC:
        session.execute(text(statement), {"now": now})


def field_of(session: Session, claim: Claim, default_pop: str) -> Field:
    """Return whom a round of echoes asks, and the network they stand in."""
    query = _DEVICES if claim.kind is RoundKind.DEVICES else _CUSTOMERS
    rows = session.execute(text(query), {"pop": claim.pop, "default_pop": default_pop})
    targets = [
        Target(row.series_id, row.address, row.device_id, row.upstream_id, _standing(row)) for row in rows
    ]
    ground = session.execute(text(_GROUND)).all()
    parents = {row.device_id: row.parent_id for row in ground}
    return Field(targets, parents, {row.device_id: _standing(row) for row in ground if row.series_id})


def _standing(row: Any) -> Standing:
    return Standing(
        WatchState(row.state), row.since, row.silent_rounds, row.silent_since, row.last_seen_at, row.died_at
    )


def judge(found: Field, echoes: Mapping[str, Echo], at: datetime, limit: int) -> Verdicts:
    """Return how everybody asked stands now; pure. `echoes` by address; who has none was not asked.

    Devices are judged from the top down, so that a child finds its parent judged in the same round.
    """
    parents, standings = found.parents, dict(found.standings)
    asked = [target for target in found.targets if target.address in echoes]
    passing = {
        device_id
        for target in asked
        if echoes[target.address].received
        for device_id in watch_rules.chain(target.upstream_id, parents)
    }
    depth = {target.series_id: len(watch_rules.chain(target.upstream_id, parents)) for target in asked}
    after = {}
    for target in sorted(asked, key=lambda one: depth[one.series_id]):
        standing = watch_rules.judge(
            target.standing,
            is_answered=echoes[target.address].received > 0,
            is_cut_off=watch_rules.is_cut_off(target.upstream_id, parents, standings, passing),
            at=at,
            limit=limit,
        )
        after[target.series_id] = standing
        if target.device_id is not None:
            standings[target.device_id] = standing
    changed = [
        (target, after[target.series_id])
        for target in asked
        if after[target.series_id].state is not target.standing.state
    ]
    return Verdicts(after, changed)


def settle(
    session: Session, targets: Sequence[Target], verdicts: Verdicts, echoes: Mapping[str, Echo], at: datetime
) -> int:
    """Write one batch of a round: standings, history, last seen; one statement each. Returns rows written."""
    batch = [target for target in targets if target.series_id in verdicts.standings]
    if not batch:
        return 0
    _write_standings(session, batch, verdicts, echoes, at)
    answered = [target.series_id for target in batch if echoes[target.address].received]
    session.execute(_SEEN, {"ids": answered, "at": at})
    moments = {target.series_id: point_of(echoes[target.address]) for target in batch}
    return len(batch) + len(answered) + history.note(session, SeriesKind.PING, at, moments)


def _write_standings(
    session: Session, batch: Sequence[Target], verdicts: Verdicts, echoes: Mapping[str, Echo], at: datetime
) -> None:
    standings = [verdicts.standings[target.series_id] for target in batch]
    heard = [echoes[target.address] for target in batch]
    session.execute(
        _SETTLE,
        {
            "at": at,
            "ids": [target.series_id for target in batch],
            "states": [one.state.value for one in standings],
            "since": [one.since for one in standings],
            "rounds": [one.silent_rounds for one in standings],
            "silent": [one.silent_since for one in standings],
            "seen": [one.last_seen_at for one in standings],
            "died": [one.died_at for one in standings],
            "rtt": [None if one.rtt_avg_ms is None else round(one.rtt_avg_ms * 1000) for one in heard],
            "loss": [
                round(100 * (one.sent - one.received) / one.sent) if one.sent else None for one in heard
            ],
        },
    )


def point_of(echo: Echo) -> PingPoint:
    """Return what history keeps of one target's echoes."""
    lost = max(0, echo.sent - echo.received)
    return PingPoint(echo.sent, lost, echo.rtt_min_ms, echo.rtt_avg_ms, echo.rtt_max_ms)


def batches(targets: Sequence[Target]) -> Iterable[Sequence[Target]]:
    """Yield the targets in batches that end where a block of history ends, so that no block is split."""
    start = 0
    for place in range(1, len(targets) + 1):
        is_full = place - start >= BATCH
        is_end = place == len(targets)
        if is_end or (is_full and _block(targets[place]) != _block(targets[place - 1])):
            yield targets[start:place]
            start = place


def _block(target: Target) -> int:
    return target.series_id // history.BLOCK
