"""The demo's answering programs, run as they are: SNMP and ICMP equal to the plan, in the pocket and outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from linecard.demo import agents, gear, light, mibs, plan, pocket
from netdiag import errors, mac_lookup, neighbours, status
from netdiag.snmp import SnmpTarget, bridge, interfaces, pon

ROOT = Path(__file__).parents[2]
START_S = 20.0
# A port of this pytest-xdist worker's own: the demo may be running on this machine, and other workers are.
PORT = 20161 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])


def target_of(device: gear.Device, *, community: str | None = None) -> SnmpTarget:
    snmp = device.snmp
    assert snmp
    assert device.address
    keys = (
        {
            "user": snmp.user,
            "auth_protocol": snmp.auth_protocol,
            "auth_key": snmp.auth_key,
            "priv_protocol": snmp.priv_protocol,
            "priv_key": snmp.priv_key,
        }
        if snmp.version == "3"
        else {"community": community or snmp.community}
    )
    return SnmpTarget(host=device.address, port=PORT, version=snmp.version, timeout_s=3.0, retries=1, **keys)


def run_agents(prefix: list[str], *words: str) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [*prefix, sys.executable, "-m", "linecard.demo.agents", *words],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    assert child.stderr is not None
    line = child.stderr.readline()
    assert "SNMP agents listen" in line, line
    return child


def end(child: subprocess.Popen[str]) -> None:
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 0
    assert child.stderr is not None
    child.stderr.close()


@pytest.fixture(scope="module")
def running() -> Iterator[subprocess.Popen[str]]:
    """Run the agents on the plain loopback."""
    child = run_agents([], str(PORT))
    yield child
    end(child)


@pytest.fixture(scope="module")
def isp() -> plan.Plan:
    return plan.build()


def device(isp: plan.Plan, key: str) -> gear.Device:
    return next(each for each in isp.agents() if each.key == key)


@pytest.mark.parametrize("key", ["sw-core-1", "rt-north", "olt-core", "sw-core-3", "sw-harbour-1"])
def test_the_status_read_is_the_plans(running: object, isp: plan.Plan, key: str) -> None:
    found = status.read(target_of(device(isp, key)))
    model = gear.models()[device(isp, key).model]
    assert found.system.name == device(isp, key).name
    assert found.system.description == model.description
    assert found.system.object_id == model.object_id
    assert [port.if_index for port in found.ports] == [port.if_index for port in model.ports]
    assert [port.name for port in found.ports] == [port.name for port in model.ports]


@pytest.mark.parametrize(
    "node", ["sw-core-1", "sw-core-2", "sw-core-3", "sw-north-1", "olt-core", "olt-north"]
)
def test_the_forwarding_table_has_the_customers_mac_on_his_port(
    running: object, isp: plan.Plan, node: str
) -> None:
    customer = next(each for each in isp.connected if each.node == node and each.is_alive)
    target = target_of(device(isp, node))
    (entry,) = bridge.find_mac(target, customer.mac)
    assert entry.if_index == customer.if_index
    assert entry.vlan == (None if node == "sw-north-1" else gear.VLANS[customer.district.pop])
    assert customer.mac in {each.mac for each in bridge.macs_on_port(target, customer.if_index)}


def test_a_dead_customer_was_learned_nowhere(running: object, isp: plan.Plan) -> None:
    silent = {"olt-harbour", "sw-harbour-2"}
    dead = next(each for each in isp.connected if not each.is_alive and each.node not in silent)
    node = device(isp, dead.node)
    assert bridge.find_mac(target_of(node), dead.mac) == []
    router = device(isp, f"rt-{dead.district.pop}")
    assert neighbours.router(target_of(router), dead.address) is None


@pytest.mark.parametrize("pop", ["core", "north", "harbour"])
def test_the_router_knows_the_mac_behind_every_living_address(
    running: object, isp: plan.Plan, pop: str
) -> None:
    customer = next(each for each in isp.connected if each.district.pop == pop and each.is_alive)
    router = target_of(device(isp, f"rt-{pop}"))
    for address in customer.addresses:
        assert neighbours.router(router, address) == customer.mac


def test_the_mac_lookup_finds_the_customers_mac_by_the_router_though_the_address_is_on_the_loopback(
    running: object, isp: plan.Plan
) -> None:
    router = target_of(device(isp, "rt-core"))
    alive = next(each for each in isp.connected if each.district.pop == "core" and each.is_alive)
    found = mac_lookup.find(alive.address, routers=[router])
    assert [seen.mac for seen in found.macs] == [alive.mac]
    assert found.method == "router"
    dead = next(each for each in isp.connected if each.district.pop == "core" and not each.is_alive)
    nothing = mac_lookup.find(dead.address, routers=[router])
    assert nothing.macs == ()
    assert "no entry" in nothing.tried[-1]


def test_two_readings_of_a_port_give_a_rate_and_full_duplex(running: object, isp: plan.Plan) -> None:
    customer = next(each for each in isp.connected if each.node == "sw-core-1" and each.is_alive)
    port = interfaces.read_port(target_of(device(isp, "sw-core-1")), customer.if_index, 0.5)
    assert (port.admin, port.oper, port.duplex, port.speed_bps) == ("up", "up", "full", 100_000_000)
    assert port.in_bps
    assert not port.is_counter_reset


def test_wrong_community_silence_and_refusal_are_told_apart(running: object, isp: plan.Plan) -> None:
    closed, silent = device(isp, "sw-harbour-2"), device(isp, "olt-harbour")
    with pytest.raises(errors.SnmpRefused):
        status.read(target_of(closed))
    quick = {"timeout_s": 0.3, "retries": 0, "port": PORT}
    with pytest.raises(errors.SnmpSilent):
        status.read(SnmpTarget(host=str(silent.address), community="demo-read", **quick))
    wrong = device(isp, "sw-north-2")
    assert wrong.snmp
    with pytest.raises(errors.SnmpSilent):
        status.read(SnmpTarget(host=str(wrong.address), community=wrong.snmp.filed_community, **quick))
    assert status.read(target_of(wrong)).system.name == wrong.name


def test_a_device_of_version_3_alone_is_silent_to_communities_and_denies_a_wrong_key(
    running: object, isp: plan.Plan
) -> None:
    switch = device(isp, "sw-core-3")
    with pytest.raises(errors.SnmpSilent):
        status.read(SnmpTarget(str(switch.address), PORT, community="demo-read", timeout_s=0.3, retries=0))
    assert switch.snmp
    with pytest.raises(errors.SnmpDenied):
        status.read(
            SnmpTarget(
                str(switch.address),
                PORT,
                "3",
                user=switch.snmp.user,
                auth_protocol="SHA256",
                auth_key="not-the-key-at-all",
                priv_protocol="AES",
                priv_key=switch.snmp.priv_key,
            )
        )


def test_a_port_switched_off_by_snmp_goes_down_and_comes_back(running: object, isp: plan.Plan) -> None:
    customer = next(each for each in isp.connected if each.node == "sw-core-2" and each.is_alive)
    target = target_of(device(isp, "sw-core-2"), community=agents.WRITE_COMMUNITY)
    try:
        assert interfaces.set_port_admin(target, customer.if_index, False) == "down"
        assert interfaces.read_port(target, customer.if_index, 0.0).oper == "down"
    finally:
        assert interfaces.set_port_admin(target, customer.if_index, True) == "up"
    assert interfaces.read_port(target, customer.if_index, 0.0).oper == "up"


@pytest.mark.parametrize("key", ["olt-core", "olt-north"])
def test_an_olt_tells_the_light_of_every_living_unit_as_it_is_on_file(
    running: object, isp: plan.Plan, key: str
) -> None:
    told = status.read(target_of(device(isp, key))).pon
    assert told
    here = [each for each in isp.connected if each.node == key]
    assert len(told) == len(here)
    for customer in here:
        names = pon.spellings(customer.mac) | pon.spellings(plan.serial_of(customer))
        (unit,) = (one for one in told if names & (pon.spellings(one.mac) | pon.spellings(one.serial)))
        assert (unit.rx_dbm is not None) == (unit.state == "online") == customer.is_alive
        if unit.rx_dbm is not None:
            assert unit.rx_dbm == pytest.approx(light.of_customer(customer)[0], abs=0.6)


def test_the_agents_are_one_small_process(running: subprocess.Popen[str]) -> None:
    lines = Path(f"/proc/{running.pid}/status").read_text().splitlines()
    facts = dict(line.split(":", 1) for line in lines)
    assert int(facts["VmRSS"].split()[0]) < 120_000
    assert int(facts["Threads"]) == 1


def test_a_taken_address_is_said_in_words(running: object) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "linecard.demo.agents", str(PORT)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=START_S,
        check=False,
    )
    assert second.returncode == 1
    assert f"127.20.0.1:{PORT}" in second.stderr


# Run inside the pocket: prints what our own ping measured, by address.
PING = """
import json, sys
from netdiag import ping
found = {}
for address in sys.argv[2:]:
    replies = list(ping.stream(address, count=8, interval_s=0.2, size=int(sys.argv[1]), timeout_s=0.8))
    found[address] = [reply.rtt_ms for reply in replies]
print(json.dumps(found))
"""


def pings(made: pocket.Pocket, size: int, *addresses: str) -> dict[str, list[float | None]]:
    done = subprocess.run(
        [*made.prefix, sys.executable, "-c", PING, str(size), *addresses],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=True,
    )
    found: dict[str, list[float | None]] = json.loads(done.stdout)
    return found


def test_in_the_pocket_the_living_answer_late_the_dead_never_and_long_packets_get_lost(
    need: Callable[..., None], isp: plan.Plan
) -> None:
    need("root")
    made = pocket.open()
    began = time.monotonic()
    child = run_agents(made.prefix)
    try:
        assert time.monotonic() - began < START_S
        dead = isp.silent[0]
        living = next(each for each in isp.connected if each.is_alive and not each.trouble)
        narrow = next(each for each in isp.connected if each.is_alive and each.trouble == "mtu")
        router = str(isp.devices[0].address)
        short = pings(made, 56, dead, living.address, narrow.address, router)
        assert short[dead] == [None] * 8
        for address in (living.address, narrow.address, router):
            assert None not in short[address]
        assert min(rtt for rtt in short[living.address] if rtt) > 0.3
        assert pings(made, 1400, narrow.address)[narrow.address] == [None] * 8
        read = "import sys; from netdiag import status; from netdiag.snmp import SnmpTarget; "
        read += (
            "print(status.read(SnmpTarget(sys.argv[1], int(sys.argv[2]), community='cpe-read')).system.name)"
        )
        cpe = next(each for each in isp.agents() if each.key.startswith("cpe-"))
        done = subprocess.run(
            [*made.prefix, sys.executable, "-c", read, str(cpe.address), str(gear.SNMP_PORT)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=30,
            check=False,
        )
        assert done.stdout.strip() == cpe.name, done.stderr
    finally:
        end(child)
        made.close()


def test_the_pocket_ends_with_the_last_program_inside_and_refuses_to_be_entered_then(
    need: Callable[..., None],
) -> None:
    need("root")
    made = pocket.open()
    inside = subprocess.run(
        [*made.prefix, "readlink", "/proc/self/ns/net"], capture_output=True, text=True, check=True
    )
    assert inside.stdout.strip() != str(Path("/proc/self/ns/net").readlink())
    assert os.environ.get(pocket.INSIDE) is None
    prefix = made.prefix
    made.close()
    late = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
    assert late.returncode != 0


def test_every_device_can_be_served(isp: plan.Plan) -> None:
    served = [mibs.of_device(isp, each, lambda _: True) for each in isp.agents()]
    assert all(len(values) > 20 for values in served)
