"""Trace and path MTU against scripted networks: hops, silence, detours, black holes, refusals."""

import asyncio

import pytest

from netdiag import errors, icmp, mtu, trace
from netdiag.testing import Echo, FakeIcmp

HOST = "192.0.2.7"
EXPIRED = icmp.Cause(4, 11, 0)
TOO_LARGE = icmp.Cause(4, 3, 4, 1400)


def expired(router: str, after_s: float = 0.01) -> Echo:
    return Echo(after_s, sender=router, error=f"time to live exceeded from {router}", cause=EXPIRED)


def path(*routers: str | None, target: list[Echo] | None = None):
    """A network whose hops are these routers (None: silent), and the target behind them."""

    def rule(address: str, size: int, ttl: int) -> list[Echo]:
        if ttl > len(routers):
            return [Echo(0.03)] if target is None else target
        router = routers[ttl - 1]
        return [expired(router, 0.01 * ttl)] if router else []

    return FakeIcmp(rule=rule)


def test_a_trace_names_each_hop_and_ends_at_the_target():
    fake = path("10.0.0.1", "10.0.0.2")
    found = trace.trace(HOST, count=3, open_channel=fake.open)
    assert [one.addresses for one in found.hops] == [("10.0.0.1",), ("10.0.0.2",), (HOST,)]
    assert [(one.sent, one.received, one.loss_percent) for one in found.hops] == [(3, 3, 0)] * 3
    assert [one.rtt_avg_ms for one in found.hops] == [10, 20, 30]
    assert [one.rtt_stdev_ms for one in found.hops] == [0, 0, 0]
    assert (found.is_reached, found.reason, fake.closed) == (True, None, 1)


def test_a_silent_hop_hides_nothing_behind_it():
    found = trace.trace(HOST, count=2, open_channel=path("10.0.0.1", None, "10.0.0.3").open)
    assert [one.addresses for one in found.hops] == [("10.0.0.1",), (), ("10.0.0.3",), (HOST,)]
    assert (found.hops[1].loss_percent, found.hops[1].rtt_avg_ms) == (100, None)


def test_a_trace_into_silence_says_where_it_went_silent_and_does_not_go_on_for_ever():
    fake = path("10.0.0.1", *[None] * 60)
    found = trace.trace(HOST, count=3, open_channel=fake.open)
    assert (len(found.hops), found.is_reached, found.reason) == (1, False, "silence behind hop 1")
    assert len(fake.sent) <= 6 + 1 + 1
    nothing = trace.trace(HOST, open_channel=path(*[None] * 60).open)
    assert (nothing.hops, nothing.reason) == ((), "silence")


def test_hops_are_asked_side_by_side():
    """Five hops of which each answers after 200 ms take far less than a second."""
    fake = FakeIcmp(
        rule=lambda address, size, ttl: [expired(f"10.0.0.{ttl}", 0.2)] if ttl < 6 else [Echo(0.2)]
    )
    assert len(trace.trace(HOST, count=1, open_channel=fake.open).hops) == 6
    assert fake.clock < 100.6


def test_a_router_that_says_unreachable_ends_the_path_with_its_reason():
    said = "host unreachable from 10.0.0.2"
    fake = path("10.0.0.1", target=[Echo(sender="10.0.0.2", error=said, cause=icmp.Cause(4, 3, 1))])
    found = trace.trace(HOST, open_channel=fake.open)
    assert (found.is_reached, found.reason, len(found.hops)) == (False, said, 2)


def test_two_routers_that_share_a_hop_are_both_named():
    turns = iter(["10.0.0.1", "10.0.0.9", "10.0.0.1"])
    fake = FakeIcmp(rule=lambda address, size, ttl: [expired(next(turns))] if ttl == 1 else [Echo()])
    assert trace.trace(HOST, open_channel=fake.open).hops[0].addresses == ("10.0.0.1", "10.0.0.9")


def test_strangers_are_no_hops_and_paths_are_told_after_each_round():
    fake = FakeIcmp(
        default=[Echo(sender="192.0.2.8"), Echo(identifier_offset=1), Echo(is_foreign_payload=True)]
    )
    assert trace.trace(HOST, count=1, open_channel=fake.open).hops == ()
    told = list(trace.rounds(HOST, count=3, open_channel=path("10.0.0.1").open))
    assert [one.hops[0].sent for one in told] == [1, 2, 3]
    assert [one.is_last for one in told] == [False, False, True]


def test_a_trace_stops_when_asked_and_runs_in_an_event_loop_too():
    fake = path(*[None] * 60)
    found = trace.trace(HOST, count=100, should_stop=lambda: fake.clock > 100.5, open_channel=fake.open)
    assert fake.clock < 101
    assert found.is_last

    async def gather():
        return [one async for one in trace.rounds_async(HOST, open_channel=path("10.0.0.1").open)]

    assert asyncio.run(gather())[-1].is_reached


@pytest.mark.parametrize(
    "wrong", [{"count": 0}, {"max_hops": 65}, {"timeout_s": 0}, {"size": 4}, {"dscp": 64}]
)
def test_a_trace_refuses_numbers_out_of_range(wrong):
    with pytest.raises(ValueError, match="out of range"):
        trace.trace(HOST, **wrong)
    with pytest.raises(errors.BadAddress):
        trace.rounds("router.example")


def measured(rule, **options):
    fake = FakeIcmp(rule=rule)
    found = mtu.measure(HOST, open_channel=fake.open, **options)
    assert fake.shape.dont_fragment
    return found, fake


def test_a_path_that_takes_whole_packets_is_clear():
    found, fake = measured(lambda address, size, ttl: [Echo()])
    assert (found.verdict, found.mtu, found.largest_fine, found.smallest_lost) == ("clear", 1500, 1472, None)
    assert fake.clock < 101


@pytest.mark.parametrize("limit", [56, 57, 700, 1372, 1471])
def test_a_black_hole_is_found_to_the_byte(limit):
    found, fake = measured(lambda address, size, ttl: [Echo()] if size <= limit else [])
    assert (found.verdict, found.largest_fine, found.smallest_lost) == ("black hole", limit, limit + 1)
    assert (found.mtu, found.router) == (limit + 28, None)
    assert found.words.startswith(f"{limit + 1} bytes lost, {limit} fine")
    assert fake.clock < 110


def test_a_router_that_names_its_mtu_is_believed_and_tried():
    refused = [Echo(sender="10.0.0.1", error="fragmentation needed from 10.0.0.1", cause=TOO_LARGE)]
    found, fake = measured(lambda address, size, ttl: [Echo()] if size <= 1372 else refused)
    assert (found.verdict, found.mtu, found.router, found.router_mtu) == ("limited", 1400, "10.0.0.1", 1400)
    assert fake.clock < 102


def test_a_router_that_names_a_wrong_mtu_is_found_out():
    refused = [Echo(sender="10.0.0.1", error="fragmentation needed from 10.0.0.1", cause=TOO_LARGE)]
    found, _ = measured(lambda address, size, ttl: [Echo()] if size <= 1300 else refused)
    assert (found.verdict, found.largest_fine, found.router_mtu) == ("limited", 1300, 1400)


def test_what_this_machine_refuses_is_no_fault_of_the_path():
    def rule(address, size, ttl):
        if size > 1472:
            raise icmp.Unsendable("packet larger than the interface allows", is_too_large=True)
        return [Echo()]

    found, _ = measured(rule, largest_mtu=9000)
    assert (found.verdict, found.mtu, found.router) == ("limited", 1500, None)
    assert "this machine" in found.words


def test_random_loss_is_taken_for_no_black_hole():
    turns = iter(range(10_000))
    found, _ = measured(lambda address, size, ttl: [] if next(turns) % 3 == 0 else [Echo()])
    assert found.verdict == "clear"
    heavy = iter(range(10_000))
    found, _ = measured(lambda address, size, ttl: [Echo()] if next(heavy) % 40 == 7 else [])
    assert found.verdict in {"unclear", "clear"}


def test_silence_is_silence_and_stop_stops():
    assert measured(lambda address, size, ttl: [])[0].verdict == "silent"
    found = mtu.measure(HOST, should_stop=lambda: True, open_channel=FakeIcmp(default=[]).open)
    assert (found.verdict, found.words) == ("unclear", "stopped before the end")
    with pytest.raises(ValueError, match="out of range"):
        mtu.measure("2001:db8::1", largest_mtu=1000)
