"""What went through between two readings: wraps, resets, gaps; ports together; sessions of RADIUS."""

from datetime import UTC, datetime, timedelta

import pytest

from netdiag.snmp import rates
from registry import radius, usage
from registry.models import DeviceState
from registry.radius import Total
from registry.series_codec import usage_moment
from registry.usage import Kept
from tasks import counters

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


def reading(octets_in: int, octets_out: int, uptime_s: int, *, bits: int = 64, **more: int | None):
    return {f"in_octets_{bits}": octets_in, f"out_octets_{bits}": octets_out, "uptime": uptime_s * 100} | more


BIG = 2**63
TABLE = [
    ("64 bits", reading(BIG, 5, 1000), reading(BIG + 10, 9, 1300), (10, 4, 300.0)),
    ("nothing went through", reading(7, 7, 1000), reading(7, 7, 1300), (0, 0, 300.0)),
    ("64 bits never wrap: a fall is a reset", reading(BIG, 5, 1000), reading(10, 9, 1300), None),
    ("a restart", reading(100, 5, 1000), reading(200, 9, 30), None),
    ("a discontinuity", reading(1, 1, 1000, discontinuity=0), reading(2, 2, 1300, discontinuity=9), None),
    (
        "32 bits wrap once",
        reading(2**32 - 10, 1, 1000, bits=32),
        reading(10, 2, 1300, bits=32, speed=100_000_000),
        (20, 1, 300.0),
    ),
    (
        "32 bits that a fast wire carries round unseen",
        reading(10, 1, 1000, bits=32),
        reading(20, 2, 1300, bits=32, high_speed=1000),
        None,
    ),
    (
        "sysUpTime that came round after 497 days looks like a restart",
        reading(100, 5, 42_949_600),
        reading(200, 9, 100),
        None,
    ),
    (
        "64 bits beside 32 bits that wrapped: the long ones count",
        reading(2**32 - 5, 7, 1000) | {"in_octets_32": 2**32 - 5, "out_octets_32": 7},
        reading(2**32 + 5, 9, 1300) | {"in_octets_32": 5, "out_octets_32": 9},
        (10, 2, 300.0),
    ),
    (
        "only one direction was reset",
        reading(100, 900, 1000),
        reading(200, 5, 1300),
        None,
    ),
    ("no counters", {"uptime": 1}, {"uptime": 301}, None),
    ("the reading before was forgotten", {}, reading(1, 1, 1300), None),
    ("an agent whose clock stands still", reading(1, 1, 1000), reading(4, 5, 1000), (3, 4, 299.0)),
]


@pytest.mark.parametrize(("words", "first", "second", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_what_passed_between_two_readings(words, first, second, expected) -> None:
    speed = second.get("high_speed", 0) * 1_000_000 or second.get("speed")
    found = rates.octets(first, second, 299.0, speed)
    assert (found and (found.in_octets, found.out_octets, found.gap_s)) == expected


def test_over_a_gap_nothing_is_counted_and_the_next_reading_counts_again() -> None:
    told = counters.Told(DeviceState.ANSWERED, AT, {1: reading(500, 900, 4000), 2: reading(5, 9, 4000)})
    before = {
        1: Kept(AT - timedelta(seconds=300), reading(200, 300, 3700)),
        2: Kept(AT - timedelta(seconds=3000), reading(0, 0, 1000)),
    }
    assert counters.points_of(before, told, limit_s=900) == {1: usage_moment(300, 300, 600)}
    assert counters.points_of({}, told, limit_s=900) == {}


NAMES = {"1": "ge1", "2": "ge2", "7": "ge9", "8": "same", "9": "same", "10": ""}


@pytest.mark.parametrize(
    ("index", "was", "place"),
    [
        ("1", "ge1", "1"),
        ("1", None, "1"),
        ("1", "ge2", "2"),
        ("7", "ge1", "1"),
        ("1", "gone", "1"),
        ("1", "same", "1"),
        ("10", "ge9", "7"),
        ("99", "ge1", "1"),
    ],
    ids=[
        "where it is on file",
        "never read before",
        "moved at a restart",
        "another took its number",
        "its name is gone",
        "two have its name",
        "its number has no name now",
        "its number is gone",
    ],
)
def test_an_interface_is_found_again_where_its_ifindex_went(index: str, was: str | None, place: str) -> None:
    assert counters.place_of(index, NAMES, was) == place


def test_what_another_interface_counted_is_not_compared() -> None:
    kept = {1: Kept(AT - timedelta(seconds=300), reading(200, 300, 3700) | {"name": "ge1"})}
    for name, points in (("ge2", {}), ("ge1", {1: usage_moment(300, 300, 600)})):
        now = reading(500, 900, 4000) | {"name": name}
        told = counters.Told(DeviceState.ANSWERED, AT, {1: now})
        assert counters.points_of(kept, told, limit_s=900) == points


def test_two_ports_of_a_customer_add_their_octets_but_not_their_seconds() -> None:
    found = usage.together([usage_moment(300, 100, 10), usage_moment(299, 1, 2)])
    assert found[:3] == (300, 101, 12)


SESSIONS = [
    ("a start", None, Total(0, 0, 0), None),
    ("a young session nobody heard of counts from its beginning", None, Total(9, 8, 60), Total(9, 8, 60)),
    ("an old one only from now on", None, Total(9, 8, 400_000), None),
    ("the next report", Total(10, 20, 300), Total(15, 40, 600), Total(5, 20, 300)),
    ("the same report again", Total(10, 20, 300), Total(10, 20, 300), None),
    ("past four gigabytes", Total(2**32 - 1, 0, 300), Total(2**32 + 1, 0, 600), Total(2, 0, 300)),
    ("only one counter went back", Total(10, 20, 300), Total(40, 4, 600), Total(40, 4, 600)),
    ("an old session whose counter went back", Total(10, 20, 90_000), Total(3, 4, 90_300), None),
    ("begun anew under its old name", Total(10, 20, 9000), Total(3, 4, 60), Total(3, 4, 60)),
]


@pytest.mark.parametrize(("words", "before", "after", "expected"), SESSIONS, ids=[row[0] for row in SESSIONS])
def test_what_passed_between_two_reports_of_a_session(words, before, after, expected) -> None:
    assert radius.delta(before, after) == expected


def test_a_long_silence_of_a_session_is_spread_over_its_hours_and_no_octet_is_lost() -> None:
    parts = list(radius.spread(AT + timedelta(minutes=5), Total(1_000_003, 7, 9000)))
    begins = [AT, AT - timedelta(hours=1), AT - timedelta(hours=2), AT - timedelta(minutes=145)]
    assert [when for when, _ in parts] == begins
    assert [point.seconds for _, point in parts] == [300, 3600, 3600, 1500]
    assert sum(point.in_octets for _, point in parts) == 1_000_003
    assert sum(point.out_octets for _, point in parts) == 7
