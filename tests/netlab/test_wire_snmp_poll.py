"""Many devices at once over real loopback sockets: every living one is read, every silent one said to be."""

import socket

import pytest

from netdiag import errors
from netdiag.snmp import SnmpTarget, client, poll, security
from netdiag.testing import FakeSnmp

NAME, UPTIME = "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.1.3.0"
DESCRIPTION, OPER = "1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.2.2.1.8"
WANTED = poll.Wanted(scalars=(NAME,), tables=((DESCRIPTION, OPER),))
PORTS = 60


@pytest.fixture
def device():
    values = {NAME: "sw-attic", UPTIME: 100}
    for number in range(1, PORTS + 1):
        values |= {f"{DESCRIPTION}.{number}": f"Port {number}", f"{OPER}.{number}": 1}
    with FakeSnmp(values) as agent:
        yield agent


@pytest.fixture
def mute():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        yield silent.getsockname()[1]


def test_each_job_has_its_result_and_the_silent_hold_up_nobody(device, mute):
    security.forget_engines()

    def jobs():
        for number in range(100):
            if number % 10 == 3:
                yield poll.Job(device.target(port=mute, timeout_s=0.3, retries=0), WANTED, number)
            else:
                version = ("1", "2c", "3")[number % 3]
                yield poll.Job(device.target(version, timeout_s=8), WANTED, number)

    found = {result.job.key: result for result in poll.many(jobs(), at_once=20)}
    assert sorted(found) == list(range(100))
    for number, result in found.items():
        if number % 10 == 3:
            assert isinstance(result.error, errors.SnmpSilent)
            assert (result.reading.tables, result.requests) == ([], 1)
        else:
            assert result.error is None
            assert result.reading.values == {NAME: b"sw-attic"}
            assert result.reading.tables[0]["7"] == {DESCRIPTION: b"Port 7", OPER: 1}
            assert len(result.reading.tables[0]) == PORTS
            assert result.reading.is_complete


def test_what_cannot_be_asked_is_a_result_too(device):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    jobs = [
        poll.Job(SnmpTarget("no-address.example"), WANTED, "name"),
        poll.Job(device.target(port=port), WANTED, "closed"),
        poll.Job(device.target(), WANTED, "living"),
        poll.Job(device.target(), poll.Wanted(), "nothing"),
    ]
    found = {result.job.key: result.error for result in poll.many(jobs)}
    assert isinstance(found["name"], errors.BadAddress)
    assert isinstance(found["closed"], errors.SnmpRefused)
    assert found["living"] is None
    assert found["nothing"] is None


def test_a_round_ends_in_time_and_says_whom_it_did_not_ask(device, mute):
    silent = device.target(port=mute, timeout_s=0.2, retries=5)
    jobs = [poll.Job(silent, WANTED, number) for number in range(6)]
    found = list(poll.many(jobs, at_once=2, deadline_s=0.5))
    assert len(found) == 6
    assert sum("was not asked" in str(result.error) for result in found) == 4


def test_two_devices_behind_one_address_are_not_mixed_up(device):
    with FakeSnmp({NAME: "other"}) as other:
        jobs = [poll.Job((device, other)[number % 2].target(), WANTED, number) for number in range(40)]
        for result in poll.many(jobs, at_once=40):
            assert result.reading.values[NAME] == (b"sw-attic", b"other")[result.job.key % 2]


def test_both_address_families_are_polled_in_one_round(device):
    with FakeSnmp({NAME: "six"}, address=("::1", 0)) as six:
        target = six.target(host="::1")
        jobs = [poll.Job((device.target(), target)[number % 2], WANTED, number) for number in range(10)]
        for result in poll.many(jobs):
            assert result.reading.values[NAME] == (b"sw-attic", b"six")[result.job.key % 2]
    with pytest.raises(errors.SnmpRefused):
        client.get(target, NAME)


def test_a_round_given_up_gives_its_sockets_back(device):
    results = poll.many([poll.Job(device.target(), WANTED, number) for number in range(5)], at_once=2)
    assert next(results).error is None
    results.close()
