"""Ping against a scripted network: order, pace, time-outs, strangers, duplicates, stop."""

import asyncio
import dataclasses

import pytest

from netdiag import errors, icmp, ping, results, sweep
from netdiag.testing import Echo, FakeIcmp

HOST = "192.0.2.7"


def run(fake: FakeIcmp, **options):
    return list(ping.stream(HOST, open_channel=fake.open, **options))


def test_every_reply_of_a_live_host_is_told_with_its_round_trip():
    replies = run(FakeIcmp(default=[Echo(0.0125)]), count=3, size=56)
    assert [one.sequence for one in replies] == [1, 2, 3]
    assert [one.rtt_ms for one in replies] == [12.5, 12.5, 12.5]
    assert {(one.size, one.ttl, one.sender, one.reason) for one in replies} == {(64, 64, HOST, None)}


def test_a_lost_echo_is_a_reply_with_a_reason_and_the_others_are_kept():
    replies = run(FakeIcmp({2: []}), count=3)
    assert [one.reason for one in replies] == [None, "timeout", None]
    assert replies[1].rtt_ms is None


def test_a_lost_echo_is_told_when_its_time_out_is_over_and_not_later():
    fake = FakeIcmp({1: []})
    replies = ping.stream(HOST, count=2, interval_s=5, timeout_s=0.7, open_channel=fake.open)
    assert next(replies).reason == "timeout"
    assert fake.clock == pytest.approx(100.7, abs=0.001)
    replies.close()
    assert fake.closed == 1


def test_sending_keeps_its_pace_while_slow_replies_are_awaited():
    fake = FakeIcmp(default=[Echo(0.9)])
    run(fake, count=5, interval_s=0.1, timeout_s=2)
    assert [round(at - 100, 3) for at, _, _ in fake.sent] == [0, 0.1, 0.2, 0.3, 0.4]
    assert fake.clock == pytest.approx(101.3, abs=0.001)


def test_replies_that_overtake_each_other_are_told_in_order_of_sequence():
    fake = FakeIcmp({1: [Echo(0.35)], 2: [Echo(0.01)]})
    replies = run(fake, count=3, interval_s=0.1)
    assert [(one.sequence, one.rtt_ms) for one in replies] == [(1, 350.0), (2, 10.0), (3, 10.0)]


@pytest.mark.parametrize(
    "stranger",
    [
        Echo(sender="192.0.2.8"),
        Echo(identifier_offset=1),
        Echo(is_foreign_payload=True),
        Echo(identifier_offset=1, error="host unreachable from 10.0.0.1"),
    ],
)
def test_an_answer_that_is_not_ours_never_makes_a_dead_host_alive(stranger):
    replies = run(FakeIcmp(default=[stranger]), count=4)
    assert {one.reason for one in replies} == {"timeout"}


def test_a_duplicate_is_marked_and_changes_neither_loss_nor_times():
    replies = run(FakeIcmp({1: [Echo(0.01), Echo(0.02)], 2: []}), count=3)
    assert [(one.sequence, one.is_duplicate) for one in replies] == [
        (1, False),
        (1, True),
        (2, False),
        (3, False),
    ]
    summary = ping.summarize(HOST, replies)
    assert (summary.sent, summary.received, summary.duplicates) == (3, 2, 1)
    assert summary.rtt_max_ms == 10.0


def test_a_duplicate_of_a_reply_held_back_follows_it():
    fake = FakeIcmp({1: [Echo(0.5)], 2: [Echo(0.01), Echo(0.02)]})
    replies = run(fake, count=2, interval_s=0.1)
    assert [(one.sequence, one.is_duplicate) for one in replies] == [(1, False), (2, False), (2, True)]


def test_an_answer_after_the_time_out_stays_lost_and_is_told_as_late():
    replies = run(FakeIcmp({1: [Echo(0.9)]}), count=2, timeout_s=0.5)
    assert [(one.sequence, one.rtt_ms, one.late_ms) for one in replies] == [
        (1, None, None),
        (1, None, 900.0),
        (2, 10.0, None),
    ]
    assert [one.reason for one in replies] == ["timeout", "answered after 900.0 ms, too late", None]
    summary = ping.summarize(HOST, replies)
    assert (summary.sent, summary.received, summary.late, summary.duplicates) == (2, 1, 1, 0)


def test_an_icmp_error_is_kept_with_cause_and_router():
    error = Echo(0.005, sender="10.0.0.1", error="host unreachable from 10.0.0.1")
    (reply,) = run(FakeIcmp(default=[error]), count=1)
    assert (reply.rtt_ms, reply.reason, reply.sender) == (None, "host unreachable from 10.0.0.1", "10.0.0.1")


def test_a_packet_that_cannot_leave_is_a_reply_with_the_cause():
    replies = run(FakeIcmp(unsendable={1: "no route to this network from here"}), count=2)
    assert [one.reason for one in replies] == ["no route to this network from here", None]


def test_stop_ends_the_run_at_once_and_gives_the_socket_back():
    fake = FakeIcmp(default=[])
    replies = run(fake, count=100, interval_s=1, timeout_s=60, should_stop=lambda: fake.clock > 101)
    assert replies == []
    assert fake.clock < 101.2
    assert fake.closed == 1


def test_after_a_pause_of_the_reader_echoes_are_not_sent_in_a_burst():
    fake = FakeIcmp()
    replies = ping.stream(HOST, count=6, interval_s=0.1, open_channel=fake.open)
    next(replies)
    fake.clock += 2
    list(replies)
    gaps = [after[0] - before[0] for before, after in zip(fake.sent[1:], fake.sent[2:], strict=False)]
    assert min(gaps) >= 0.099


def test_a_clock_set_during_the_run_does_not_spoil_the_round_trip():
    fake = FakeIcmp({1: [Echo(0.03)]})
    original = fake.receive
    fake.receive = lambda: [
        icmp.Answer(**{name: getattr(one, name) for name in icmp.Answer.__slots__} | {"received_at": 5.0})
        for one in original()
    ]
    (reply,) = run(fake, count=1)
    assert reply.rtt_ms == pytest.approx(30, abs=0.01)


def test_more_echoes_than_sixteen_bits_can_count_are_told_apart():
    replies = run(FakeIcmp({2: []}), count=65540, interval_s=0.01, timeout_s=0.05)
    assert len(replies) == 65540
    assert [one.sequence for one in replies if one.rtt_ms is None] == [2, 65538]


@pytest.mark.parametrize("text", ["", "router.example", "10.0.0.256", "10.0.0.0/24"])
def test_what_is_no_address_is_refused_at_once(text):
    with pytest.raises(errors.BadAddress):
        ping.stream(text)


@pytest.mark.parametrize(
    "wrong", [{"count": 0}, {"interval_s": -1}, {"timeout_s": 0}, {"size": 70000}, {"size": -1}, {"ttl": 0}]
)
def test_numbers_out_of_range_are_refused_at_once(wrong):
    with pytest.raises(ValueError, match="out of range"):
        ping.stream(HOST, **wrong)


def test_the_summary_of_nothing_is_empty_and_of_silence_is_all_lost():
    assert ping.summarize(HOST, []).loss_percent == 0
    silent = ping.summarize(HOST, run(FakeIcmp(default=[]), count=4, interval_s=0))
    assert (silent.loss_percent, silent.rtt_avg_ms, silent.jitter_ms) == (100, None, None)


def test_jitter_is_the_mean_difference_of_neighbouring_round_trips():
    fake = FakeIcmp({1: [Echo(0.01)], 2: [Echo(0.02)], 3: [], 4: [Echo(0.005)]})
    assert ping.summarize(HOST, run(fake, count=4)).jitter_ms == 12.5


def test_results_turn_into_json_ready_dictionaries():
    (reply,) = run(FakeIcmp(), count=1)
    assert reply.as_dict()["rtt_ms"] == 10.0
    assert ping.summarize(HOST, [reply]).as_dict()["address"] == HOST


def test_a_sweep_tells_the_dead_from_the_living_and_keeps_the_order():
    fake = FakeIcmp(silent=frozenset({"10.0.0.2"}))
    found = sweep.sweep(
        ["10.0.0.3", "10.0.0.2", "10.0.0.1", "10.0.0.3"], probes=2, open_channel=fake.open_wide
    )
    assert [(one.address, one.loss_percent) for one in found] == [
        ("10.0.0.3", 0),
        ("10.0.0.2", 100),
        ("10.0.0.1", 0),
    ]
    assert len(fake.sent) == 6
    assert fake.clock < 102.1


def test_a_sweep_takes_no_stranger_for_a_target():
    strangers = [Echo(sender="10.0.0.9"), Echo(is_foreign_payload=True), Echo(identifier_offset=1)]
    (found,) = sweep.sweep(["10.0.0.1"], open_channel=FakeIcmp(default=strangers).open_wide)
    assert found.received == 0


def test_a_sweep_counts_duplicates_keeps_errors_and_what_cannot_leave():
    fake = FakeIcmp({1: [Echo(), Echo()]}, unsendable={2: "no route to this network from here"})
    live = sweep.sweep(["10.0.0.1", "10.0.0.2"], probes=2, open_channel=fake.open_wide)
    assert [(one.received, one.loss_percent) for one in live] == [(1, 50), (1, 50)]
    assert live[0].duplicates == 1
    refused = FakeIcmp(default=[Echo(error="packet filtered from 10.0.0.9", sender="10.0.0.9")])
    assert sweep.sweep(["10.0.0.1"], open_channel=refused.open_wide)[0].received == 0


def test_a_sweep_stops_between_rounds_and_refuses_bad_numbers():
    fake = FakeIcmp()
    assert sweep.sweep(["::1"], should_stop=lambda: True, open_channel=fake.open_wide)[0].sent == 0
    with pytest.raises(ValueError, match="out of range"):
        sweep.sweep(["10.0.0.1"], probes=0)


def test_a_sweep_keeps_the_cause_and_counts_what_came_late():
    said = "host unreachable from 10.0.0.9"
    fake = FakeIcmp(
        {1: [Echo(error=said, sender="10.0.0.9")], 2: [Echo(0.7)], 3: [Echo(), Echo(0.02)]},
        default=[Echo(0.1)],
    )
    (found,) = sweep.sweep(["10.0.0.1"], probes=5, timeout_s=0.5, open_channel=fake.open_wide)
    assert (found.sent, found.received, found.errors, found.late, found.duplicates) == (5, 3, 1, 1, 1)
    assert (found.reason, found.router, found.rtt_max_ms) == (said, "10.0.0.9", 100.0)


def test_a_sweep_asks_again_where_this_machine_dropped_answers_and_only_then():
    fake = FakeIcmp({1: []})
    (lost,) = sweep.sweep(["10.0.0.1"], open_channel=fake.open_wide)
    assert (lost.received, len(fake.sent)) == (0, 1)
    cramped = FakeIcmp({1: []})
    cramped.overflow = 3
    (found,) = sweep.sweep(["10.0.0.1"], open_channel=cramped.open_wide)
    assert (found.sent, found.received, found.loss_percent) == (1, 1, 0)


def test_a_sweep_keeps_its_pace_and_stops_in_the_middle():
    fake = FakeIcmp(default=[])
    addresses = [f"10.0.{high}.{low}" for high in range(20) for low in range(250)]
    found = sweep.sweep(
        addresses, pace_s=0.001, should_stop=lambda: fake.clock > 102, open_channel=fake.open_wide
    )
    assert len(fake.sent) == pytest.approx(2100, abs=150)
    # Those whose time was not over when it stopped are neither answered nor lost.
    assert {one.sent for one in found} == {0}
    assert fake.closed == 1


def test_a_host_that_answers_from_the_address_of_another_does_not_make_that_one_alive():
    fake = FakeIcmp(
        rule=lambda address, size, ttl: [Echo(sender="10.0.0.2")] if address == "10.0.0.1" else []
    )
    found = sweep.sweep(["10.0.0.1", "10.0.0.2"], open_channel=fake.open_wide)
    assert [one.received for one in found] == [0, 0]


def test_in_an_event_loop_ping_and_sweep_do_the_same():
    async def both():
        replies = [one async for one in ping.stream_async(HOST, count=3, open_channel=FakeIcmp({2: []}).open)]
        return replies, await sweep.sweep_async([HOST, "::1"], probes=2, open_channel=FakeIcmp().open_wide)

    replies, found = asyncio.run(both())
    assert [one.reason for one in replies] == [None, "timeout", None]
    assert [(one.address, one.received) for one in found] == [(HOST, 2), ("::1", 2)]


def test_a_slow_reader_takes_no_answer_in_time_for_a_lost_one():
    fake = FakeIcmp(default=[Echo(0.02)])
    replies = ping.stream(HOST, count=2, timeout_s=0.5, interval_s=0.1, open_channel=fake.open)
    fake.wait = lambda *_: setattr(fake, "clock", fake.clock + 3)
    assert [one.rtt_ms for one in replies] == [20.0, 20.0]


@pytest.mark.parametrize("wrong", [{"size": 8}, {"pace_s": -1}, {"probes": 101}, {"ttl": 0}, {"dscp": 64}])
def test_a_sweep_refuses_numbers_out_of_range(wrong):
    with pytest.raises(ValueError, match="out of range"):
        sweep.sweep(["10.0.0.1"], **wrong)


def test_quickly_made_summaries_are_like_all_others():
    made = results.ping_summary("a", 1, 0, 100.0, None, None, None, None, 0)
    assert made == results.PingSummary("a", 1, 0, 100.0, None, None, None, None, 0)
    assert made.as_dict() == results.PingSummary("a", 1, 0, 100.0, None, None, None, None, 0).as_dict()
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.sent = 2
