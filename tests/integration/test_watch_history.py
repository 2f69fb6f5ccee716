"""History: rounds fold into days that say the same, periods are read in few points, and it stays small."""

import itertools
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text

from registry import history, levels, series_codec, testing, usage, watch_views
from registry.models import IpAddress, SeriesDay, SeriesKind, SeriesMinutes, SeriesRound, WatchSeries
from registry.series_codec import PING, LevelPoint, PingPoint, usage_moment

DAY = date(2026, 11, 20)
START = datetime(2026, 11, 20, tzinfo=UTC)
NOW = START + timedelta(days=5)
CHANCE = random.Random(11)


def targets(session: Any, count: int) -> list[int]:
    """Return the series of so many addresses."""
    home = testing.network(session, "10.0.0.0/8", pop_id=testing.pop(session).id)
    addresses = [f"10.0.{number // 250}.{number % 250 + 1}" for number in range(count)]
    testing.customer(session, "many", addresses=addresses, network_id=home.id)
    ips = session.scalars(select(IpAddress.id).order_by(IpAddress.id)).all()
    return list(usage.ensure_series(session, SeriesKind.PING, "ip_id", ips).values())


def point(rtt_ms: float | None) -> PingPoint:
    return PingPoint(1, int(rtt_ms is None), rtt_ms, rtt_ms, rtt_ms)


def fill(
    session: Any, series: list[int], *, step_s: int = 300, hours: int = 24, start: datetime = START
) -> dict[int, dict[int, PingPoint]]:
    """Write rounds and return what was measured: series -> epoch second -> point."""
    told: dict[int, dict[int, PingPoint]] = {one: {} for one in series}
    for second in range(0, hours * 3600, step_s):
        at = start + timedelta(seconds=second)
        moments = {one: point(None if CHANCE.random() < 0.05 else CHANCE.uniform(0.3, 80)) for one in series}
        history.note(session, SeriesKind.PING, at, moments)
        for one, moment in moments.items():
            told[one][int(at.timestamp())] = moment
    return told


def fold_all(session: Any, before: date = date(2026, 11, 25)) -> None:
    for day, block in history.unfolded(session, before):
        history.fold(session, day, block)


def read(session: Any, series_id: int, since: datetime, until: datetime, **more: Any) -> history.Reading:
    options = {"interval_s": 300, "now": NOW, "minute_days": 14} | more
    return history.read(session, SeriesKind.PING, series_id, since, until, **options)


def test_what_is_read_before_and_after_folding_is_the_same_and_what_was_measured(session: Any) -> None:
    series = targets(session, 150)
    told = fill(session, series, hours=30)
    one, until = series[140], START + timedelta(hours=40)
    before = read(session, one, START, until, points=1000)
    fold_all(session)
    assert session.scalar(select(func.count(SeriesRound.id))) == 0
    after = read(session, one, START, until, points=1000)
    assert [at for at, _ in before.points] == [at for at, _ in after.points] == sorted(told[one])
    for (at, early), (_, late) in zip(before.points, after.points, strict=True):
        assert (early.sent, early.lost) == (late.sent, late.lost) == told[one][at][:2]
        assert late.avg_ms == (pytest.approx(told[one][at].avg_ms, rel=1e-3) if early.avg_ms else None)


def test_hours_and_days_equal_the_raw(session: Any) -> None:
    (series_id,) = targets(session, 1)
    told = fill(session, [series_id], hours=48)[series_id]
    fold_all(session)
    for points, step_s in ((48, 3600), (2, 86_400)):
        found = read(session, series_id, START, START + timedelta(hours=48), points=points)
        assert found.step_s == step_s
        assert len(found.points) == 48 * 3600 // step_s
        for at, rolled in found.points:
            raw = [moment for when, moment in told.items() if at <= when < at + step_s]
            rtts = [moment.avg_ms for moment in raw if moment.avg_ms is not None]
            assert (rolled.sent, rolled.lost) == (len(raw), len(raw) - len(rtts))
            assert rolled.min_ms == pytest.approx(min(rtts), rel=1e-3)
            assert rolled.avg_ms == pytest.approx(sum(rtts) / len(rtts), rel=2e-3)
            assert rolled.max_ms == pytest.approx(max(rtts), rel=1e-3)


def test_usage_by_day_is_the_sum_of_its_readings_to_the_octet(session: Any) -> None:
    customer = testing.customer(session)
    series = usage.ensure_series(session, SeriesKind.CUSTOMER, "customer_id", [customer.id])[customer.id]
    octets = [CHANCE.randrange(10**11) for _ in range(288)]
    for number, passed in enumerate(octets):
        at = START + timedelta(seconds=300 * number)
        history.note(session, SeriesKind.CUSTOMER, at, {series: usage_moment(300, passed, 3 * passed)})
    fold_all(session)
    found = history.read(
        session,
        SeriesKind.CUSTOMER,
        series,
        START,
        START + timedelta(days=1),
        interval_s=300,
        now=NOW,
        minute_days=14,
        points=1,
    )
    ((_, day),) = found.points
    assert (day.seconds, day.in_octets, day.out_octets) == (86_400, sum(octets), 3 * sum(octets))
    assert day.peak_in_bps == pytest.approx(max(octets) * 8 / 300, rel=1e-6)


def test_rounds_that_come_after_their_day_was_folded_join_it(session: Any) -> None:
    (series_id,) = targets(session, 1)
    fill(session, [series_id], hours=12)
    fold_all(session)
    fill(session, [series_id], hours=12, start=START + timedelta(hours=12))
    fold_all(session)
    row = session.get(SeriesDay, (series_id, DAY))
    assert all(series_codec.read_hours(PING, row.hours))
    assert PING.read_hour(row.packed).sent == 288
    assert len(session.get(SeriesMinutes, (series_id, DAY)).packed) == 288 * 5


def test_a_series_that_was_removed_meanwhile_does_not_stop_the_fold(session: Any) -> None:
    series = targets(session, 3)
    fill(session, series, hours=2)
    session.delete(session.get(WatchSeries, series[1]))
    session.flush()
    fold_all(session)
    assert set(session.scalars(select(SeriesDay.series_id))) == {series[0], series[2]}


def test_today_stays_unfolded(session: Any) -> None:
    (series_id,) = targets(session, 1)
    fill(session, [series_id], hours=30)
    assert [day for day, _ in history.unfolded(session, date(2026, 11, 21))] == [DAY]


def test_old_minutes_go_first_and_old_days_later(session: Any) -> None:
    (series_id,) = targets(session, 1)
    fill(session, [series_id], hours=24 * 4)
    fold_all(session)
    history.forget(session, date(2026, 11, 24), minute_days=2, hour_days=3)
    assert sorted(session.scalars(select(SeriesMinutes.day))) == [date(2026, 11, 22), date(2026, 11, 23)]
    assert sorted(session.scalars(select(SeriesDay.day))) == [DAY + timedelta(days=n) for n in (1, 2, 3)]
    old = read(
        session, series_id, START + timedelta(days=1), START + timedelta(days=1, hours=6), minute_days=2
    )
    assert old.step_s == 3600
    assert len(old.points) == 6


def test_gaps_stay_gaps(session: Any) -> None:
    (series_id,) = targets(session, 1)
    fill(session, [series_id], hours=2)
    fill(session, [series_id], hours=2, start=START + timedelta(hours=6))
    fold_all(session)
    found = read(session, series_id, START, START + timedelta(hours=8))
    times = [at for at, _ in found.points]
    longest = max(after - before for before, after in itertools.pairwise(times))
    assert longest > found.pause_s > 300
    assert len(times) == 48


def test_levels_of_light_are_kept_and_read(session: Any) -> None:
    device = testing.device(session, "onu")
    levels.note(session, START, {device.id: LevelPoint(1, -2150, -2150, -2150, 220)}, of="device_id")
    series_id = history.find(session, SeriesKind.LEVEL, device_id=device.id)
    assert series_id is not None
    fold_all(session)
    found = history.read(
        session, SeriesKind.LEVEL, series_id, START, NOW, interval_s=300, now=NOW, minute_days=14
    )
    assert [point for _, point in found.points] == [LevelPoint(1, -2150, -2150, -2150, 220)]


@pytest.mark.parametrize(
    ("change", "skipped"),
    [(datetime(2026, 10, 25, tzinfo=UTC), None), (datetime(2026, 3, 29, tzinfo=UTC), (6, 3))],
    ids=["an hour twice in autumn", "an hour that is not in spring"],
)
def test_activity_is_told_by_the_isps_clock_across_a_change_of_time(
    session: Any, make_settings: Any, change: datetime, skipped: tuple[int, int] | None
) -> None:
    """Each hour of the ISP's week carries its own pace; one week is read, so every cell is of one hour."""
    zone, now = ZoneInfo("Europe/Kyiv"), change + timedelta(days=3)
    customer = testing.customer(session)
    series = usage.ensure_series(session, SeriesKind.CUSTOMER, "customer_id", [customer.id])[customer.id]
    for hour in range(7 * 24):
        at = now - timedelta(hours=hour + 1)
        local = at.astimezone(zone)
        bits = 8 * 3600 * (1 + local.weekday() * 24 + local.hour)
        history.note(session, SeriesKind.CUSTOMER, at, {series: usage_moment(3600, 0, bits // 8)})
    fold_all(session, now.date())
    grid = watch_views.heat(session, series, make_settings(isp={"time_zone": "Europe/Kyiv"}), now, days=7)
    for day in range(7):
        for hour in range(24):
            # A week with an hour less has none of it; one with an hour more has lost the hour it began with.
            if (day, hour) == skipped:
                assert grid[day][hour] == -1
            elif grid[day][hour] != -1:
                assert grid[day][hour] == 8 * (1 + day * 24 + hour), (day, hour)
    assert sum(cell == -1 for row in grid for cell in row) == 1


def size_of(session: Any, table: str) -> int:
    return int(session.scalar(text(f"SELECT pg_total_relation_size('{table}')")))


def test_a_year_of_fifty_thousand_addresses_takes_less_than_ten_gigabytes(fresh_database: Any) -> None:
    """Fill tables with a sample as the fold writes it, measure the bytes of a row, and compute."""
    addresses, days = 400, 12
    with fresh_database.transaction() as session:
        series = targets(session, addresses)
    entries = [
        (second // series_codec.TICK_S, point(None if CHANCE.random() < 0.02 else CHANCE.uniform(0.3, 80)))
        for second in range(0, 86_400, 300)
    ]
    empty = {}
    with fresh_database.transaction() as session:
        empty = {table: size_of(session, table) for table in ("series_minutes", "series_days")}
        for number in range(days):
            folded = dict.fromkeys(series, series_codec.day_of(PING, entries))
            history.write_days(session, DAY + timedelta(days=number), folded)
        for step in range(288):
            moments = dict.fromkeys(series, point(1.0))
            history.note(session, SeriesKind.PING, START + timedelta(seconds=300 * step), moments)
    with fresh_database.transaction() as session:
        rows = addresses * days
        minute_row = (size_of(session, "series_minutes") - empty["series_minutes"]) / rows
        day_row = (size_of(session, "series_days") - empty["series_days"]) / rows
        moment = size_of(session, "series_rounds") / (288 * addresses)
    year = 50_000 * (365 * day_row + 14 * minute_row + 2 * 288 * moment)
    print(f"{minute_row=:.0f} {day_row=:.0f} {moment=:.1f} year={year / 1e9:.2f} GB")
    assert year < 10e9
    assert day_row < 400
    assert minute_row < 2100
