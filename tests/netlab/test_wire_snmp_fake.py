"""SNMP over a real loopback socket against the agent we ship: every function, every way to fail."""

import concurrent.futures
import os
import socket
import threading
import time
import warnings

import pytest
from pysnmp.proto.rfc1902 import Counter32, Counter64, Gauge32, Integer32, ObjectIdentifier, TimeTicks

from netdiag import errors, status
from netdiag.snmp import SnmpTarget, bridge, client, interfaces, message, security, system
from netdiag.testing import FakeSnmp

IF = "1.3.6.1.2.1.2.2.1."
IFX = "1.3.6.1.2.1.31.1.1.1."
PORTS = 30


def switch_values(*, is_vlan_aware=True):
    values = {
        "1.3.6.1.2.1.1.1.0": "Twenty-four ports and a fan",
        "1.3.6.1.2.1.1.2.0": ObjectIdentifier("1.3.6.1.4.1.99999.1"),
        "1.3.6.1.2.1.1.3.0": TimeTicks(360_000),
        "1.3.6.1.2.1.1.4.0": "noc",
        "1.3.6.1.2.1.1.5.0": "sw-attic",
        "1.3.6.1.2.1.1.6.0": "attic",
    }
    for number in range(1, PORTS + 1):
        values |= {
            f"{IF}1.{number}": number,
            f"{IF}2.{number}": f"Port {number}",
            f"{IF}4.{number}": 1500,
            f"{IF}5.{number}": Gauge32(1_000_000_000),
            f"{IF}6.{number}": bytes([0, 1, 2, 3, 4, number]),
            f"{IF}7.{number}": 1,
            f"{IF}8.{number}": 1 if number % 2 else 2,
            f"{IF}9.{number}": TimeTicks(60_000),
            f"{IF}14.{number}": Counter32(3),
            f"{IFX}1.{number}": f"ge{number}",
            f"{IFX}6.{number}": Counter64(1_000),
            f"{IFX}10.{number}": Counter64(2_000),
            f"{IFX}15.{number}": Gauge32(1000),
            f"{IFX}18.{number}": f"house {number}",
            f"1.3.6.1.2.1.10.7.2.1.19.{number}": 3,
            f"1.3.6.1.2.1.17.1.4.1.2.{number + 100}": number,
        }
    table = {
        "0.17.34.51.68.85": (105, 3),
        "0.17.34.51.68.86": (105, 3),
        "2.0.0.0.0.1": (107, 3),
        "2.0.0.0.0.2": (0, 3),
    }
    for row, (port, state) in table.items():
        if is_vlan_aware:
            values[f"1.3.6.1.2.1.17.7.1.2.2.1.2.7.{row}"] = port
            values[f"1.3.6.1.2.1.17.7.1.2.2.1.3.7.{row}"] = state
        else:
            values[f"1.3.6.1.2.1.17.4.3.1.2.{row}"] = port
            values[f"1.3.6.1.2.1.17.4.3.1.3.{row}"] = state
    if is_vlan_aware:
        values["1.3.6.1.2.1.17.7.1.4.2.1.3.0.300"] = 7
        values["1.3.6.1.2.1.17.7.1.2.2.1.2.9.0.17.34.51.68.85"] = 107
        values["1.3.6.1.2.1.17.7.1.2.2.1.3.9.0.17.34.51.68.85"] = 2
        values["1.3.6.1.2.1.17.7.1.2.1.1.2.9"] = Gauge32(1)
    return values


@pytest.fixture
def device():
    with FakeSnmp(switch_values(), write_community="private", writable=[f"{IF}7.5"]) as agent:
        yield agent


@pytest.mark.parametrize("version", ["1", "2c", "3"])
def test_every_version_reads_the_same_device(device, version):
    target = device.target(version)
    found = system.read(target)
    assert (found.name, found.object_id, found.uptime_s) == ("sw-attic", "1.3.6.1.4.1.99999.1", 3600.0)
    ports = interfaces.list_ports(target)
    assert [port.if_index for port in ports] == list(range(1, PORTS + 1))
    port = ports[4]
    assert (port.name, port.alias, port.admin, port.oper, port.duplex) == (
        "ge5",
        "house 5",
        "up",
        "up",
        "full",
    )
    assert (port.speed_bps, port.mtu, port.mac, port.last_change_s) == (
        10**9,
        1500,
        "00:01:02:03:04:05",
        3000.0,
    )
    assert ports[3].oper == "down"


def test_a_ports_rates_come_from_two_readings(device):
    device.set_value("1.3.6.1.2.1.1.3.0", lambda: TimeTicks(360_000 + 100 * device.requests["get"]))
    device.set_value(f"{IFX}6.5", lambda: Counter64(1_000 if device.requests["get"] < 2 else 126_000))
    port = interfaces.read_port(device.target(), 5, gap_s=0)
    assert (port.in_bps, port.out_bps, port.gap_s, port.in_errors) == (1_000_000.0, 0.0, 1.0, 3)


def test_the_status_of_a_device_is_its_system_and_its_ports(device):
    everything = status.read(device.target("3"))
    assert (everything.system.name, len(everything.ports)) == ("sw-attic", PORTS)
    one = status.read(device.target(), if_index=7, gap_s=0)
    assert [port.name for port in one.ports] == ["ge7"]
    assert one.as_dict()["ports"][0]["name"] == "ge7"


def test_a_port_that_does_not_exist_is_said_not_to(device):
    with pytest.raises(errors.SnmpBroken, match="no port"):
        interfaces.read_port(device.target(), 999, gap_s=0)
    with pytest.raises(errors.SnmpBroken, match="no port"):
        interfaces.port_admin(device.target(), 999)
    with pytest.raises(errors.BadAddress):
        interfaces.port_admin(device.target(), 0)


def test_a_mac_is_found_in_the_vlan_aware_table(device):
    (found,) = bridge.find_mac(device.target(), "0011.2233.4455")
    assert (found.mac, found.vlan, found.bridge_port, found.if_index, found.port_name, found.status) == (
        "00:11:22:33:44:55",
        300,
        105,
        5,
        "ge5",
        "learned",
    )
    assert bridge.find_mac(device.target(), "00:11:22:33:44:99") == []
    assert bridge.find_mac(device.target(), "02:00:00:00:00:02") == []


def test_a_mac_is_found_though_the_switch_numbers_its_databases_otherwise_than_it_says(device):
    device.state.values.pop((1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 2, 1, 3, 0, 300))
    (found,) = bridge.find_mac(device.target(), "00:11:22:33:44:55")
    assert (found.vlan, found.if_index) == (7, 5)


@pytest.mark.parametrize("version", ["1", "2c"])
def test_a_mac_is_found_in_the_plain_table_of_an_old_switch(version):
    with FakeSnmp(switch_values(is_vlan_aware=False)) as device:
        (found,) = bridge.find_mac(device.target(version), "00:11:22:33:44:55")
        assert (found.vlan, found.if_index, found.port_name) == (None, 5, "ge5")
        assert len(bridge.macs_on_port(device.target(version), 5)) == 2


def test_the_macs_behind_a_port_are_listed(device):
    found = bridge.macs_on_port(device.target("3"), 5)
    assert [(one.mac, one.vlan, one.if_index) for one in found] == [
        ("00:11:22:33:44:55", 300, 5),
        ("00:11:22:33:44:56", 300, 5),
    ]
    assert bridge.macs_on_port(device.target(), 6) == []


def test_a_port_is_switched_and_read_back(device):
    target = device.target(community="private")
    assert interfaces.set_port_admin(target, 5, False) == "down"
    assert interfaces.port_admin(device.target(), 5) == "down"
    assert interfaces.set_port_admin(device.target("3"), 5, True) == "up"
    device.set_value(f"{IF}7.5", 3)
    assert interfaces.port_admin(target, 5) == "testing"


@pytest.mark.parametrize("version", ["1", "2c"])
def test_who_may_not_write_is_told_so(device, version):
    with pytest.raises(errors.SnmpDenied, match="does not allow setting"):
        interfaces.set_port_admin(device.target(version), 5, False)


def test_a_port_that_only_pretends_to_switch_is_found_out():
    def stubborn():
        return 1

    with FakeSnmp(switch_values(), write_community="private", writable=[f"{IF}7.5"]) as device:

        def forgetful(wire, answer):
            made = answer(wire)
            device.set_value(f"{IF}7.5", stubborn)
            return made

        device.tamper = forgetful
        with pytest.raises(errors.SnmpBroken, match="still up"):
            interfaces.set_port_admin(device.target(community="private"), 5, False)


def test_a_wrong_community_is_silence_and_the_words_say_what_it_may_be(device):
    with pytest.raises(errors.SnmpSilent, match="community is wrong"):
        system.read(device.target(community="guess", retries=0, timeout_s=0.2))


def test_a_closed_port_is_refusal(device):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(errors.SnmpRefused, match="nobody listens"):
        system.read(device.target(port=port))


def test_what_is_no_address_is_refused():
    with pytest.raises(errors.BadAddress):
        system.read(SnmpTarget("not an address"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"user": "nobody"}, "no such user"),
        ({"auth_key": "wrong-wrong"}, "authentication key"),
        ({"auth_protocol": "SHA256"}, "authentication key"),
        ({"priv_key": "wrong-wrong"}, "privacy key"),
        ({"priv_protocol": None}, "security level"),
    ],
)
def test_version_3_says_what_is_wrong_with_the_credentials(device, changes, words):
    with pytest.raises(errors.SnmpDenied, match=words):
        system.read(device.target("3", **changes))


def test_a_living_agent_that_drops_what_it_cannot_decrypt_is_denial_and_a_dead_one_silence(device):
    device.tamper = lambda wire, answer: None if b"noc" in wire else answer(wire)
    with pytest.raises(errors.SnmpDenied, match="privacy key"):
        system.read(device.target("3", timeout_s=0.2))
    device.is_deaf = True
    with pytest.raises(errors.SnmpSilent, match="SNMPv3"):
        system.read(device.target("3", timeout_s=0.1))
    with pytest.raises(errors.SnmpSilent, match="SNMPv3"):
        system.read(device.target("3", timeout_s=0.1, priv_protocol=None, retries=0))


def test_an_agent_that_restarted_is_read_again_at_once(device):
    target = device.target("3")
    assert system.read(target).name == "sw-attic"
    device.state.boots += 1
    assert system.read(target).name == "sw-attic"
    device.state.engine_id = b"\x80\x00\x1f\x88\x80replaced"
    assert system.read(target).name == "sw-attic"


def test_an_agent_whose_clock_never_holds_still_is_broken(device):
    def restless(wire, answer):
        device.state.boots += 1
        return answer(wire)

    device.tamper = restless
    with pytest.raises(errors.SnmpBroken, match="clock"):
        system.read(device.target("3"))


def test_a_lost_request_is_repeated(device):
    lost = []

    def lossy(wire, answer):
        if not lost:
            lost.append(wire)
            return None
        return answer(wire)

    device.tamper = lossy
    assert system.read(device.target(timeout_s=0.1, retries=1)).name == "sw-attic"
    assert len(lost) == 1


def test_noise_on_the_port_is_no_silence(device):
    device.tamper = lambda wire, answer: b"\x30\x03hello world"
    with pytest.raises(errors.SnmpBroken, match="not as SNMP should"):
        system.read(device.target(timeout_s=0.1, retries=0))
    device.tamper = lambda wire, answer: wire
    with pytest.raises(errors.SnmpBroken, match="a get instead"):
        system.read(device.target(timeout_s=0.1, retries=0))


def test_silence_in_the_middle_of_a_walk_ends_it_with_an_error_and_in_time(device):
    seen = []

    def fading(wire, answer):
        seen.append(1)
        return answer(wire) if len(seen) < 3 else None

    device.tamper = fading
    started = time.monotonic()
    with pytest.raises(errors.SnmpSilent):
        client.walk(device.target(timeout_s=5, retries=5), IF[:-1], deadline_s=0.5)
    assert time.monotonic() - started < 15


def test_a_walk_is_bounded_in_rows_and_complete_within(device):
    names = client.walk(device.target(), f"{IFX}1")
    assert [value for _, value in names] == [f"ge{number}".encode() for number in range(1, PORTS + 1)]
    assert len(client.walk(device.target(), f"{IFX}1", max_rows=7)) == 7
    assert client.walk(device.target(), "1.3.6.1.9.9") == []


def test_an_agent_that_walks_in_circles_is_stopped(device):
    device.rule = lambda request: (0, 0, [(message.oid_tuple(f"{IFX}1.5"), Integer32(1))])
    with pytest.raises(errors.SnmpBroken, match="circles"):
        client.walk(device.target(), f"{IFX}1")


def test_what_is_too_big_for_the_agent_is_asked_for_in_parts(device):
    def small(request):
        return (1, 0, []) if len(request.bindings) > 2 or request.max_repetitions > 5 else None

    device.rule = small
    assert system.read(device.target()).location == "attic"
    assert len(client.walk(device.target(), f"{IFX}1")) == PORTS


@pytest.mark.parametrize(("number", "error"), [(16, errors.SnmpDenied), (5, errors.SnmpBroken)])
def test_an_error_of_the_agent_is_told_by_name(device, number, error):
    device.rule = lambda request: (number, 1, [])
    for ask in (lambda: system.read(device.target()), lambda: client.walk(device.target(), IF[:-1])):
        with pytest.raises(error, match=r"authorizationError|genErr"):
            ask()
    with pytest.raises(error):
        client.set_integer(device.target(), f"{IF}7.5", 1)


def test_answers_to_other_questions_are_not_taken(device):
    device.rule = lambda request: (0, 0, [])
    with pytest.raises(errors.SnmpBroken, match="other objects"):
        system.read(device.target())


def test_sixty_threads_read_at_once_and_nobody_living_is_called_silent(device):
    security.forget_engines()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        dead = device.target(port=mute.getsockname()[1], timeout_s=0.3, retries=0)

        def job(number):
            if number % 6 == 0:
                with pytest.raises(errors.SnmpSilent):
                    system.read(dead)
                return "silent"
            return system.read(device.target("3" if number % 2 else "2c", timeout_s=5)).name

        with concurrent.futures.ThreadPoolExecutor(60) as pool:
            found = list(pool.map(job, range(120)))
    assert found.count("silent") == 20
    assert found.count("sw-attic") == 100


def test_a_forked_worker_reads_while_its_parents_threads_do_too(device):
    target = device.target("3")
    system.read(target)
    stop = threading.Event()
    thread = threading.Thread(target=lambda: [system.read(target) for _ in iter(stop.is_set, True)])
    thread.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads
        child = os.fork()
    if not child:
        code = 1
        try:
            code = 0 if system.read(target).name == "sw-attic" else 1
        finally:
            os._exit(code)
    _, code = os.waitpid(child, 0)
    stop.set()
    thread.join()
    assert code == 0
