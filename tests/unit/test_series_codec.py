"""Packed measurements: what goes in comes out, roll-ups equal the raw, and how much room all of it takes."""

import random

import pytest

from registry import series_codec
from registry.series_codec import LEVEL, PING, TICK_S, USAGE, LevelPoint, PingPoint, UsagePoint

CHANCE = random.Random(7)


def ping(rtt_ms: float | None, sent: int = 1) -> PingPoint:
    return PingPoint(sent, sent if rtt_ms is None else 0, rtt_ms, rtt_ms, rtt_ms)


def day(step_s: int = 300) -> list[tuple[int, PingPoint]]:
    return [
        (second // TICK_S, ping(None if CHANCE.random() < 0.1 else CHANCE.uniform(0.2, 900)))
        for second in range(0, 86_400, step_s)
    ]


@pytest.mark.parametrize("rtt_ms", [0.031, 0.9, 12.3456, 999.9, 5000.0])
def test_a_round_trip_is_kept_to_one_part_in_two_thousand(rtt_ms: float) -> None:
    found = PING.read_moment(PING.moment(ping(rtt_ms)))
    assert found.avg_ms == pytest.approx(rtt_ms, rel=1 / 2000)
    assert found.sent == 1


def test_no_answer_stays_no_answer_everywhere() -> None:
    lost = ping(None, sent=3)
    assert PING.read_moment(PING.moment(lost)) == lost
    assert list(PING.read_minutes(PING.minute(43_199, lost))) == [(43_199, lost)]
    assert PING.read_hour(PING.hour(lost)) == lost
    assert PING.read_hour(PING.hour(None)) is None


def test_octets_are_kept_exactly_up_to_64_bits() -> None:
    point = series_codec.usage_moment(300, 2**63 + 1, 2**40 + 3)
    assert USAGE.read_moment(USAGE.moment(point)) == point
    hour = USAGE.combine([point, series_codec.usage_moment(300, 7, 0)])
    assert (hour.in_octets, hour.out_octets, hour.seconds) == (2**63 + 8, 2**40 + 3, 600)
    kept = USAGE.read_hour(USAGE.hour(hour))
    assert kept is not None
    assert kept[:3] == hour[:3]
    assert USAGE.read_hour(USAGE.hour(None)) is None


def test_levels_are_kept_to_a_hundredth_and_unknown_ones_as_unknown() -> None:
    points = [LevelPoint(1, -2187, -2187, -2187, None), LevelPoint(1, -2210, -2210, -2210, 215)]
    assert [LEVEL.read_moment(LEVEL.moment(point)) for point in points] == points
    hour = LEVEL.combine(points)
    assert hour == LevelPoint(2, -2210, round((-2187 - 2210) / 2), -2187, 215)
    assert LEVEL.read_hour(LEVEL.hour(hour)) == hour
    silent = LevelPoint(1, None, None, None, None)
    assert LEVEL.read_moment(LEVEL.moment(silent)) == silent


def test_the_hours_of_a_day_and_its_figure_are_what_the_minutes_say() -> None:
    entries = day()
    minutes, figure, hours = series_codec.day_of(PING, entries)
    assert [tick for tick, _ in PING.read_minutes(minutes)] == [tick for tick, _ in entries]
    for hour, found in enumerate(series_codec.read_hours(PING, hours)):
        raw = [point for tick, point in entries if tick * TICK_S // 3600 == hour]
        rtts = [point.avg_ms for point in raw if point.avg_ms is not None]
        assert (found.sent, found.lost) == (len(raw), len(raw) - len(rtts))
        assert found.min_ms == pytest.approx(min(rtts), rel=1e-3)
        assert found.max_ms == pytest.approx(max(rtts), rel=1e-3)
        assert found.avg_ms == pytest.approx(sum(rtts) / len(rtts), rel=1e-3)
    whole = PING.read_hour(figure)
    assert whole is not None
    assert (whole.sent, whole.lost) == (288, sum(point.lost for _, point in entries))


def test_hours_in_which_nothing_was_measured_are_gaps() -> None:
    _, _, hours = series_codec.day_of(PING, [(0, ping(1.0)), (5 * 3600 // TICK_S, ping(2.0))])
    found = series_codec.read_hours(PING, hours)
    assert [number for number, hour in enumerate(found) if hour] == [0, 5]
    assert len(found) == 24


def test_what_comes_late_joins_the_day() -> None:
    entries = [(tick, series_codec.usage_moment(300, tick, 2 * tick)) for tick in range(0, 43_200, 450)]
    early, late = entries[::2], entries[1::2]
    whole = series_codec.day_of(USAGE, entries)
    parts = series_codec.merged(USAGE, series_codec.day_of(USAGE, early), series_codec.day_of(USAGE, late))
    assert parts[0] == whole[0]
    for one, other in zip(
        series_codec.read_hours(USAGE, parts[2]), series_codec.read_hours(USAGE, whole[2]), strict=True
    ):
        assert one[:3] == other[:3]


def test_a_mean_weighs_by_what_came_back() -> None:
    found = PING.combine([PingPoint(10, 9, 5.0, 5.0, 5.0), PingPoint(10, 0, 1.0, 2.0, 9.0), ping(None)])
    assert found == PingPoint(21, 10, 1.0, pytest.approx((5 + 20) / 11), 9.0)


def test_a_day_too_busy_for_its_counters_keeps_its_share_of_loss() -> None:
    found = PING.read_hour(PING.hour(PingPoint(131_070, 65_535, 1.0, 1.0, 1.0)))
    assert found is not None
    assert found.lost / found.sent == pytest.approx(0.5, abs=1e-4)


def test_peaks_of_usage_are_the_highest_pace_of_any_moment() -> None:
    found = USAGE.combine([series_codec.usage_moment(10, 1000, 0), series_codec.usage_moment(10, 10, 500)])
    assert found == UsagePoint(20, 1010, 500, 800.0, 400.0)


def test_a_day_of_one_address_takes_less_than_two_kilobytes() -> None:
    minutes, figure, hours = series_codec.day_of(PING, day())
    assert len(minutes) == 288 * 5
    assert len(figure) + len(hours) == 25 * 10
