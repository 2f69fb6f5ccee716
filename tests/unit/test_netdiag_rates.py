"""Rates from two readings: 64 and 32 bits, wrap, reset, restart."""

import pytest

from netdiag.snmp import interfaces, rates

NAMES = [*rates.COUNTERS, "uptime"]


def reading(**changes):
    return (
        dict.fromkeys(NAMES)
        | {
            "uptime": 1000,
            "in_octets_64": 1000,
            "out_octets_64": 5000,
            "in_errors": 1,
            "out_errors": 0,
            "in_discards": 0,
            "out_discards": 7,
            "discontinuity": 0,
        }
        | changes
    )


def test_rates_are_differences_over_the_devices_own_time():
    found = rates.compare(reading(), reading(uptime=1200, in_octets_64=3000, in_errors=5), 9.9, None)
    assert (found["in_bps"], found["out_bps"]) == (8000.0, 0.0)
    assert (found["in_errors_per_s"], found["in_errors"], found["out_discards"]) == (2.0, 5, 7)
    assert (found["gap_s"], found["is_counter_reset"]) == (2.0, False)


def test_a_32_bit_counter_may_wrap_once():
    first = reading(in_octets_64=None, out_octets_64=None, in_octets_32=2**32 - 500, out_octets_32=0)
    second = reading(in_octets_64=None, out_octets_64=None, in_octets_32=500, out_octets_32=0, uptime=1100)
    found = rates.compare(first, second, 1, 100_000_000)
    assert (found["in_bps"], found["in_octets"], found["is_counter_reset"]) == (8000.0, 500, False)


def test_a_fall_no_wire_could_make_is_a_reset_and_not_a_wrap():
    first = reading(in_octets_64=None, out_octets_64=None, in_octets_32=2**31, out_octets_32=0)
    second = reading(in_octets_64=None, out_octets_64=None, in_octets_32=500, out_octets_32=0, uptime=1100)
    found = rates.compare(first, second, 1, 100_000_000)
    assert (found["in_bps"], found["is_counter_reset"], found["in_errors_per_s"]) == (None, True, None)


@pytest.mark.parametrize(
    "second",
    [
        {"uptime": 50},
        {"uptime": 1100, "in_octets_64": 10},
        {"uptime": 1100, "discontinuity": 1050},
    ],
)
def test_after_a_restart_or_reset_there_are_no_rates(second):
    found = rates.compare(reading(), reading(**second), 1, None)
    assert found["is_counter_reset"]
    assert found["in_bps"] is None
    assert found["out_errors_per_s"] is None


def test_a_clock_that_stands_still_or_is_missing_is_replaced_by_ours():
    assert rates.compare(reading(), reading(), 1.5, None)["gap_s"] == 1.5
    assert rates.compare(reading(uptime=None), reading(), 1.5, None)["gap_s"] == 1.5


def test_a_device_without_octet_counters_has_no_rates_and_no_reset():
    blank = reading(in_octets_64=None, out_octets_64=None)
    found = rates.compare(blank, blank | {"uptime": 1100}, 1, None)
    assert (found["in_bps"], found["is_counter_reset"]) == (None, False)


@pytest.mark.parametrize(
    ("high", "low", "speed"),
    [
        (10_000, 4_294_967_295, 10**10),
        (0, 64_000, 64_000),
        (None, 4_294_967_295, None),
        (0, 0, None),
        (100, None, 10**8),
    ],
)
def test_the_speed_is_taken_from_the_object_that_can_hold_it(high, low, speed):
    assert interfaces._speed(high, low) == speed


def test_the_age_of_a_state_is_unknown_when_the_clock_has_wrapped():
    assert interfaces._age(5000, 1000) == 40.0
    assert interfaces._age(1000, 5000) is None
    assert interfaces._age(None, 5) is None
