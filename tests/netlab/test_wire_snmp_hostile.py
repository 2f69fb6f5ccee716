"""Agents that break, lie and run in circles, over loopback: bounded time and memory, and a clear word at the end."""

import socket
import threading
import time

import pytest

from netdiag import errors
from netdiag.snmp import ber, client, habits, message, poll, security
from netdiag.snmp.ber import Encoded, Missing
from netdiag.testing import FakeSnmp

BASE, OTHER, NAME = "1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.2.2.1.8", "1.3.6.1.2.1.1.5.0"
UPTIME = "1.3.6.1.2.1.1.3.0"
ROWS = 40
WANTED = poll.Wanted((NAME,), ((BASE, OTHER),))


@pytest.fixture(autouse=True)
def fresh():
    habits.forget()
    security.forget_engines()


@pytest.fixture
def device():
    values = {NAME: "sw", UPTIME: 500}
    for number in range(1, ROWS + 1):
        values |= {f"{BASE}.{number}": f"Port {number}", f"{OTHER}.{number}": 1}
    with FakeSnmp(values) as agent:
        yield agent


def oid(text):
    return message.oid_tuple(text)


def test_an_agent_that_answers_bulk_with_an_error_is_asked_by_getnext_and_remembered(device):
    device.rule = lambda request: (5, 0, []) if request.kind == "bulk" else None
    assert len(client.columns(device.target(), [BASE, OTHER])) == ROWS
    assert not habits.of("127.0.0.1", device.port).has_bulk
    device.requests.clear()
    assert len(client.walk(device.target(), BASE)) == ROWS
    assert device.requests["bulk"] == 0


def test_an_agent_that_drops_bulk_without_a_word_is_read_all_the_same(device):
    def deaf_to_bulk(wire, answer):
        return None if message.decode_community(wire)[2].kind == "bulk" else answer(wire)

    device.tamper = deaf_to_bulk
    found = client.columns(device.target(timeout_s=0.1), [BASE, OTHER], deadline_s=20)
    assert len(found) == ROWS
    assert not habits.of("127.0.0.1", device.port).has_bulk


def test_an_agent_that_answers_only_small_bulks_is_asked_for_less(device):
    def narrow(wire, answer):
        raw = message.decode_community(wire)[2]
        return None if raw.kind == "bulk" and raw.third * len(raw.bindings) > 8 else answer(wire)

    device.tamper = narrow
    wanted = poll.Wanted((NAME,), ((BASE, OTHER),))
    found = client.read(device.target(timeout_s=0.1, retries=4), wanted, deadline_s=20)
    assert len(found.tables[0]) == ROWS


@pytest.mark.parametrize("most", [1, 3])
def test_what_is_too_big_is_asked_for_in_parts_whatever_fits(device, most):
    device.rule = lambda request: (
        (1, 0, []) if len(request.bindings) * max(1, request.max_repetitions) > most else None
    )
    assert len(client.columns(device.target(), [BASE, OTHER])) == ROWS
    assert client.get(device.target(), NAME, f"{BASE}.1", f"{BASE}.2")[f"{BASE}.2"] == b"Port 2"


def test_more_than_was_asked_for_and_less_are_both_taken(device):
    plenty = [(oid(f"{BASE}.{number}"), number) for number in range(1, 2001)]
    device.rule = lambda request: (
        0,
        0,
        plenty if request.bindings[0][0] == BASE else [(oid(f"{BASE}9.1"), 1)],
    )
    assert len(client.walk(device.target(), BASE, max_rows=500)) <= 500
    device.rule = None
    real = device.outcome

    def one(request):
        device.rule = None
        status, index, found = real(request, "2c", False)
        device.rule = one
        return status, index, found[:1]

    device.rule = one
    assert len(client.walk(device.target(), BASE)) == ROWS


def test_circles_end_a_strict_walk_with_an_error_and_a_reading_with_what_there_is(device):
    rounds = [(oid(f"{BASE}.{number}"), number) for number in (1, 2, 3)]
    device.rule = lambda request: (0, 0, rounds) if request.kind == "bulk" else None
    with pytest.raises(errors.SnmpBroken, match="circles"):
        client.walk(device.target(), BASE)
    found = client.read(device.target(), poll.Wanted((NAME,), ((BASE,),)))
    assert (len(found.tables[0]), found.is_complete) == (3, False)
    assert "circles" in found.warnings[0]


def test_rows_out_of_order_are_taken_as_they_come(device):
    order = [5, 3, 9, 1]

    def jumbled(request):
        last = request.bindings[0][0]
        place = order.index(int(last.rsplit(".", 1)[1])) + 1 if last != BASE else 0
        if place == len(order):
            return 0, 0, [(oid("1.3.6.1.2.1.2.2.1.3.1"), 1)]
        return 0, 0, [(oid(f"{BASE}.{order[place]}"), place)]

    device.rule = jumbled
    assert [name.rsplit(".", 1)[1] for name, _ in client.walk(device.target(), BASE)] == ["5", "3", "9", "1"]


def test_an_endless_table_is_bounded_in_rows_and_in_time(device):
    def endless(request):
        last = int(request.bindings[0][0].rsplit(".", 1)[1]) if request.bindings[0][0] != BASE else 0
        return 0, 0, [(oid(f"{BASE}.{last + step}"), b"x" * 20) for step in range(1, 30)]

    device.rule = endless
    assert len(client.walk(device.target(), BASE, max_rows=700)) == 700
    device.latency_s = 0.05
    started = time.monotonic()
    found = client.read(device.target(), poll.Wanted((), ((BASE,),), max_rows=10**9), deadline_s=0.6)
    assert time.monotonic() - started < 10
    assert (found.is_complete, found.warnings) == (False, ["The time for the device is over"])
    assert found.tables[0]


def test_missing_columns_and_missing_cells_are_left_out(device):
    del device.state.values[oid(f"{OTHER}.7")]
    found = client.columns(device.target(), [BASE, "1.3.6.1.2.1.2.2.1.99", OTHER])
    assert len(found) == ROWS
    assert found["7"] == {BASE: b"Port 7"}
    assert found["8"] == {BASE: b"Port 8", OTHER: 1}


def test_a_column_the_agent_fails_at_costs_the_others_nothing(device):
    def failing(request):
        asked = [one for one, _ in request.bindings]
        bad = [place for place, one in enumerate(asked, 1) if one.startswith(OTHER)]
        return (5, bad[0], []) if bad else None

    device.rule = failing
    found = client.columns(device.target(), [BASE, OTHER])
    assert len(found) == ROWS
    assert found["1"] == {BASE: b"Port 1"}
    found = client.read(device.target(), poll.Wanted((NAME, f"{OTHER}.1"), ((BASE, OTHER),)))
    assert found.values == {NAME: b"sw", f"{OTHER}.1": None}
    assert "genErr" in found.warnings[0]


def test_a_late_answer_to_the_first_try_counts_once(device):
    held = []

    def slow(wire, answer):
        held.append(answer(wire))
        return None if len(held) == 1 else held[0] if len(held) == 2 else answer(wire)

    device.tamper = slow
    assert client.get(device.target(timeout_s=0.2), NAME) == {NAME: b"sw"}
    assert device.requests["get"] == 2


@pytest.mark.parametrize("version", ["2c", "3"])
def test_answers_to_other_requests_are_not_believed(device, version):
    client.get(device.target(version), NAME)
    first = []

    def stuck(wire, answer):
        first.append(answer(wire))
        return first[0]

    device.tamper = stuck
    with pytest.raises(errors.SnmpBroken, match="no question of ours"):
        for _ in range(2):
            client.get(device.target(version, timeout_s=0.1, retries=0), NAME)


def test_an_answer_from_another_port_is_refused_and_told(device):
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth,
    ):
        ear.bind(("127.0.0.1", 0))
        mouth.bind(("127.0.0.1", 0))
        ear.settimeout(5)

        def answer():
            wire, sender = ear.recvfrom(65536)
            mouth.sendto(device.answer(wire), sender)

        thread = threading.Thread(target=answer)
        thread.start()
        target = device.target(port=ear.getsockname()[1], timeout_s=0.4, retries=0)
        with pytest.raises(errors.SnmpSilent, match=f"{mouth.getsockname()[1]} answered in its place"):
            client.get(target, NAME)
        thread.join()


def test_cut_off_answers_are_garbage_and_said_to_be(device):
    device.tamper = lambda wire, answer: answer(wire)[:-5]
    with pytest.raises(errors.SnmpBroken, match="cut off"):
        client.get(device.target(timeout_s=0.1, retries=0), NAME)


def test_wrong_types_are_values_not_failures(device):
    device.rule = lambda request: (
        (0, 0, [(oid(NAME), Encoded(ber.wrap(0x5F, b"odd")))]) if request.kind == "get" else None
    )
    assert client.get(device.target(), NAME) == {NAME: b"odd"}


def test_ten_thousand_ports_are_read_whole():
    values = {f"{BASE}.{number}": "p" for number in range(1, 10_001)}
    with FakeSnmp(values) as device:
        assert len(client.walk(device.target(timeout_s=5), BASE, max_rows=20_000, deadline_s=60)) == 10_000


def test_a_device_that_falls_silent_at_one_table_still_tells_the_others(device):
    def shy(wire, answer):
        raw = message.decode_community(wire)[2]
        return (
            None if any(name.startswith(ber.oid_octets(OTHER)) for name, _ in raw.bindings) else answer(wire)
        )

    device.tamper = shy
    found = client.read(device.target(timeout_s=0.1, retries=0), poll.Wanted((NAME,), ((OTHER,), (BASE,))))
    assert (found.tables[0], len(found.tables[1]), found.is_complete) == ({}, ROWS, False)
    assert "Silent at" in found.warnings[0]


def test_a_restart_in_the_middle_is_told(device):
    device.set_value(UPTIME, lambda: 500 if device.requests["bulk"] == 0 else 3)
    found = client.read(device.target(), poll.Wanted((NAME,), ((BASE,),), is_restart_told=True))
    assert found.warnings == ["The device restarted while it was read"]


def test_an_agent_restarting_under_version_3_is_read_to_the_end(device):
    def restarting(wire, answer):
        if device.requests["bulk"] == 1:
            device.state.boots = 2
        return answer(wire)

    device.tamper = restarting
    assert len(client.read(device.target("3"), WANTED).tables[0]) == ROWS


def test_the_end_of_the_view_is_the_end_of_the_column(device):
    device.rule = lambda request: (
        (0, 0, [(oid(one), Missing.END) for one, _ in request.bindings]) if request.kind == "bulk" else None
    )
    assert client.walk(device.target(), BASE) == []
