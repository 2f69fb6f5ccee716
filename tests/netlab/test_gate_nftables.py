"""The nftables gate on a real gateway: real pings stop and come back, and only those they should."""

import ipaddress
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest

import gates
from gates import Access, LineAccess
from linecard import lab
from linecard.lab import plan, shell


@pytest.fixture
def gate(lab_up: lab.LabStatus) -> Iterator[gates.Gate]:
    yield gates.make(lab_up.plan.gate_kind, lab_up.plan.gate_settings)
    _nft(lab_up, "flush", "ruleset")


def _nft(found: lab.LabStatus, *words: str) -> str:
    return shell.run(shell.inside(found.plan.gateway.namespace, "nft", *words))


def _line(customer: plan.Customer, line_id: int = 0) -> LineAccess:
    return LineAccess(line_id or int(customer.key[1:]), (customer.address,))


def _passes(found: lab.LabStatus, key: str) -> bool:
    """Whether this customer's real pings come through the gateway to the core and back."""
    customer = found.plan.customer(key)
    command = ["ping", "-c", "2", "-i", "0.05", "-W", "1", "-q", found.plan.probe_address]
    finished = subprocess.run(
        shell.inside(customer.namespace, *command), capture_output=True, text=True, check=False
    )
    received = re.search(r"(\d+) received", finished.stdout)
    assert received, finished.stdout + finished.stderr
    assert received[1] in {"0", "2"}, finished.stdout
    return received[1] == "2"


def test_a_closed_line_stops_an_opened_one_comes_back_and_others_never_notice(
    lab_up: lab.LabStatus, gate: gates.Gate
) -> None:
    debtor, other = _line(lab_up.plan.customer("c1")), _line(lab_up.plan.customer("c2"))
    hill = _line(lab_up.plan.customer("c12"))
    assert [_passes(lab_up, key) for key in ("c1", "c2", "c12")] == [True, True, True]
    assert gate.read([debtor, other, hill]) == {1: "open", 2: "open", 12: "open"}

    outcomes = gate.apply({debtor: "closed", hill: "closed", other: "open"})
    assert {line: (outcome.applied, outcome.error) for line, outcome in outcomes.items()} == {
        1: ("closed", None),
        2: ("open", None),
        12: ("closed", None),
    }
    assert [_passes(lab_up, key) for key in ("c1", "c2", "c12", "c9")] == [False, True, False, True]
    assert gate.read([debtor, other, hill]) == {1: "closed", 2: "open", 12: "closed"}

    gate.apply({debtor: "open"})
    assert [_passes(lab_up, key) for key in ("c1", "c2", "c12")] == [True, True, False]
    assert gate.read([debtor, other, hill]) == {1: "open", 2: "open", 12: "closed"}


def test_a_ping_towards_a_closed_customer_is_filtered_too(lab_up: lab.LabStatus, gate: gates.Gate) -> None:
    street = lab_up.plan.customer("c9")
    gate.apply({_line(street): "closed"})
    command = ["ping", "-c", "2", "-i", "0.2", "-W", "1", street.address]
    told = subprocess.run(
        [*lab.probe_prefix(lab_up), *command], capture_output=True, text=True, check=False
    ).stdout
    assert "Packet filtered" in told
    assert "0 received" in told


def test_a_running_ping_is_stopped_and_goes_on_after_the_opening(
    lab_up: lab.LabStatus, gate: gates.Gate
) -> None:
    customer = lab_up.plan.customer("c10")
    replies: list[float] = []
    # Connection tracking knows this flow before it is closed: established traffic must stop as well.
    _nft(lab_up, "add table inet stateful")
    _nft(lab_up, "add chain inet stateful f { type filter hook forward priority 0; policy drop; }")
    _nft(lab_up, "add rule inet stateful f ct state established,related accept")
    _nft(lab_up, "add rule inet stateful f ct state new accept")
    ping = subprocess.Popen(
        shell.inside(customer.namespace, "ping", "-i", "0.05", "-D", lab_up.plan.probe_address),
        stdout=subprocess.PIPE,
        text=True,
    )

    def listen() -> None:
        assert ping.stdout is not None
        for words in ping.stdout:
            # -D: the moment of the reply itself, however late its line gets here.
            stamp = re.match(r"\[([\d.]+)\] \d+ bytes from .* time=", words)
            if stamp:
                replies.append(float(stamp[1]))

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        time.sleep(0.4)
        assert len(replies) >= 4
        gate.apply({_line(customer): "closed"})
        closed_at = time.time()
        time.sleep(0.6)
        gate.apply({_line(customer): "open"})
        opened_at = time.time()
        time.sleep(0.5)
    finally:
        ping.terminate()
        ping.wait(10)
        listener.join(10)
        assert ping.stdout is not None
        ping.stdout.close()
    assert [at for at in replies if closed_at + 0.02 < at < opened_at - 0.05] == []
    assert len([at for at in replies if at > opened_at]) >= 4


def test_closing_twice_and_opening_what_was_never_closed_are_no_errors(
    lab_up: lab.LabStatus, gate: gates.Gate
) -> None:
    first, absent = _line(lab_up.plan.customer("c1")), _line(lab_up.plan.customer("c2"))
    assert gate.apply({absent: "open"})[2].applied == "open"
    for _ in range(3):
        assert gate.apply({first: "closed", absent: "open"})[1].applied == "closed"
    assert gate.read([first, absent]) == {1: "closed", 2: "open"}
    rules = _nft(lab_up, "list", "chain", "inet", "linecard", "forward")
    assert rules.count("reject with") == 8, "a rule must not be added twice"
    for _ in range(2):
        assert gate.apply({first: "open"})[1].applied == "open"
    assert gate.read([first]) == {1: "open"}


def test_a_bad_line_does_not_hold_up_the_others_of_its_batch(lab_up: lab.LabStatus, gate: gates.Gate) -> None:
    good, bad = _line(lab_up.plan.customer("c1")), LineAccess(50, ("10.77.1.999",))
    outcomes = gate.apply({bad: "closed", good: "closed", LineAccess(51): "closed"})
    assert outcomes[1].applied == "closed"
    assert outcomes[50].applied is None
    assert outcomes[50].needs_person
    assert outcomes[51] == gates.Outcome(51, "closed", is_bare=True)
    assert not _passes(lab_up, "c1")


def test_five_thousand_addresses_go_in_one_transaction(lab_up: lab.LabStatus, gate: gates.Gate) -> None:
    first = int(ipaddress.ip_address("10.90.0.0"))
    lines = [LineAccess(number, (str(ipaddress.ip_address(first + number)),)) for number in range(1, 5001)]
    closed: dict[LineAccess, Access] = dict.fromkeys(lines, "closed")
    started = time.monotonic()
    outcomes = gate.apply(closed)
    closing_s = time.monotonic() - started
    assert all(outcome.applied == "closed" for outcome in outcomes.values())
    assert set(gate.read(lines).values()) == {"closed"}
    opened: dict[LineAccess, Access] = dict.fromkeys(lines[:2500], "open")
    gate.apply(opened)
    found = gate.read(lines)
    assert [found[number] for number in (1, 2500, 2501, 5000)] == ["open", "open", "closed", "closed"]
    assert "2500 closed." in gates.said(gate.check())
    assert closing_s < 10
    assert _passes(lab_up, "c1")


def test_prefixes_are_closed_whole_and_overlaps_are_told_not_forced(
    lab_up: lab.LabStatus, gate: gates.Gate
) -> None:
    customer = lab_up.plan.customer("c1")
    office = LineAccess(1, ("10.77.1.8/29", "2001:db8:77::/56"))
    inner = LineAccess(2, ("10.77.1.8/30",))
    single = LineAccess(3, (customer.address,))
    shared = gate.apply({office: "closed", single: "open"})
    assert "shared with another line" in (shared[1].error or ""), "cutting one must not cut the other"
    assert _passes(lab_up, "c1")
    assert gate.apply({office: "closed", single: "closed"})[1].applied == "closed"
    gate.apply({single: "open"})
    assert not _passes(lab_up, "c1")
    assert gate.read([office, single, inner]) == {1: "closed", 3: "closed", 2: "closed"}
    refused = gate.apply({inner: "closed", LineAccess(4, ("10.77.1.12",)): "closed"})
    assert "overlaps" in (refused[2].error or "")
    assert refused[4].applied == "closed"
    for _ in range(2):
        assert gate.apply({office: "open", inner: "open"})[1].applied == "open"
    assert _passes(lab_up, "c1")
    assert gate.read([office]) == {1: "open"}


def test_a_flushed_gateway_reads_open_and_the_next_batch_repairs_it(
    lab_up: lab.LabStatus, gate: gates.Gate
) -> None:
    line = _line(lab_up.plan.customer("c1"))
    gate.apply({line: "closed"})
    for words in (("flush", "ruleset"), ("flush", "chain", "inet", "linecard", "forward")):
        _nft(lab_up, *words)
        assert _passes(lab_up, "c1")
        assert gate.read([line]) == {1: "open"}, "what is not enforced is not closed"
        assert "next batch mends" in gates.said(gate.check()) or "not installed yet" in gates.said(
            gate.check()
        )
        gate.apply({line: "closed"})
        assert not _passes(lab_up, "c1")
        assert gate.read([line]) == {1: "closed"}


def test_the_epoch_stays_while_the_table_lives_and_is_another_after_a_flush(
    lab_up: lab.LabStatus, gate: gates.Gate
) -> None:
    line = _line(lab_up.plan.customer("c1"))
    assert (gate.epoch(), gate.held()) == ("", {})
    gate.apply({line: "closed", LineAccess(2, ("10.77.9.0/29",)): "closed"})
    first = gate.epoch()
    assert first
    assert gate.held() == {line.addresses[0]: "closed", "10.77.9.0/29": "closed"}
    gate.apply({line: "open"})
    assert gate.epoch() == first, "the next batch makes no other table"
    _nft(lab_up, "flush", "chain", "inet", "linecard", "forward")
    assert gate.epoch() == "", "what is not in force is not there"
    _nft(lab_up, "flush", "ruleset")
    assert gate.epoch() == ""
    gate.apply({line: "closed"})
    assert gate.epoch() not in {"", first}


def test_four_workers_at_once_lose_nothing(lab_up: lab.LabStatus, gate: gates.Gate) -> None:
    faults: list[Exception] = []

    def work(number: int) -> None:
        own = gates.make(lab_up.plan.gate_kind, lab_up.plan.gate_settings)
        try:
            for turn in range(8):
                line = LineAccess(number, (f"10.91.{number}.{turn}",))
                own.apply({line: "closed", LineAccess(100, ("10.91.200.1",)): "closed"})
                own.apply({LineAccess(101, ("10.91.200.2",)): "open"})
        except gates.GateError as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    lines = [LineAccess(n * 10 + t, (f"10.91.{n}.{t}",)) for n in range(1, 5) for t in range(8)]
    assert set(gate.read(lines).values()) == {"closed"}


def test_a_table_made_by_another_hand_is_reported_not_overwritten(
    lab_up: lab.LabStatus, gate: gates.Gate
) -> None:
    _nft(lab_up, "add table inet linecard")
    _nft(lab_up, "add set inet linecard closed4 { type ipv6_addr; }")
    with pytest.raises(gates.GateMisconfigured, match="nft delete table inet linecard"):
        gate.apply({_line(lab_up.plan.customer("c1")): "closed"})


def test_a_missing_namespace_is_unreachable_and_may_be_tried_again(need: Callable[..., None]) -> None:
    need("root", "ip", "nft")
    gate = gates.make("nftables", {"namespace": "no-such-namespace"})
    with pytest.raises(gates.GateUnreachable, match="no-such-namespace"):
        gate.check()
    with pytest.raises(gates.GateUnreachable):
        gate.apply({LineAccess(1, ("10.77.1.11",)): "closed"})


def test_foreign_tables_are_left_alone(lab_up: lab.LabStatus, gate: gates.Gate) -> None:
    _nft(lab_up, "add table inet theirs")
    _nft(lab_up, "add set inet theirs closed4 { type ipv4_addr; elements = { 192.0.2.1 }; }")
    gate.apply({_line(lab_up.plan.customer("c1")): "closed"})
    gate.apply({_line(lab_up.plan.customer("c1")): "open"})
    assert "192.0.2.1" in _nft(lab_up, "list", "table", "inet", "theirs")
