"""The MAC behind an address in namespaces: ARP, duplicates, the kernel's table, a router's table."""

import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from netdiag import __main__ as command
from netdiag import arp_client, errors, mac, mac_lookup, neighbours, netlink, packet
from netdiag.snmp import SnmpTarget

ROOT = Path(__file__).parents[2]
TRUE_MAC, TWIN_MAC, FAR_MAC = "00:1b:21:00:00:02", "02:00:00:00:00:99", "00:50:56:00:00:07"
HOST, TWINS, SILENT, ROUTER, BEYOND = "10.1.0.2", "10.1.0.3", "10.1.0.77", "10.1.0.6", "10.2.0.2"


def sh(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30, **options).stdout


@pytest.fixture(scope="module")
def probe(need, inside, tmp_path_factory):
    """A probe on a bridge with two hosts that share an address, and a router with a segment beyond it."""
    need("root", "ip", "snmpd")
    tag = f"m{os.urandom(3).hex()}"
    near, one, two, beyond = (f"{tag}{letter}" for letter in "pabz")
    names = [near, one, two, beyond]
    folder = tmp_path_factory.mktemp("router")
    agent = None
    try:
        for name in names:
            sh("ip", "netns", "add", name)
            sh("ip", "-n", name, "link", "set", "lo", "up")
        sh("ip", "-n", near, "link", "add", "br0", "type", "bridge")
        sh("ip", "-n", near, "link", "set", "br0", "up")
        for port, name, address in (("p1", one, TRUE_MAC), ("p2", two, TWIN_MAC)):
            sh("ip", "link", "add", port, "netns", near, "type", "veth", "peer", "name", "v0", "netns", name)
            sh("ip", "-n", near, "link", "set", port, "master", "br0", "up")
            sh("ip", "-n", name, "link", "set", "v0", "address", address, "up")
        sh("ip", "link", "add", "v1", "netns", two, "type", "veth", "peer", "name", "v1", "netns", beyond)
        sh("ip", "-n", two, "link", "set", "v1", "up")
        sh("ip", "-n", beyond, "link", "set", "v1", "address", FAR_MAC, "up")
        for name, address, device in (
            (near, "10.1.0.1/24", "br0"),
            (one, f"{HOST}/24", "v0"),
            (one, f"{TWINS}/24", "v0"),
            (two, f"{TWINS}/24", "v0"),
            (two, f"{ROUTER}/24", "v0"),
            (two, "10.2.0.1/24", "v1"),
            (beyond, f"{BEYOND}/24", "v1"),
        ):
            sh("ip", "-n", name, "addr", "add", address, "dev", device)
        for name, address, device in ((near, "fd00:1::1/64", "br0"), (one, "fd00:1::2/64", "v0")):
            sh("ip", "-n", name, "addr", "add", address, "dev", device, "nodad")
        sh("ip", "-n", near, "route", "add", "default", "via", ROUTER)
        sh("ip", "-n", two, "neigh", "add", BEYOND, "lladdr", FAR_MAC, "dev", "v1", "nud", "permanent")
        agent = start_agent(two, folder)
        yield lambda call: inside(near, call)
    finally:
        arp_client.stop()
        packet.close()
        if agent is not None:
            agent.kill()
            agent.wait()
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def start_agent(namespace, folder):
    config = folder / "snmpd.conf"
    config.write_text(f"agentaddress udp:{ROUTER}:161\nrocommunity public\n")
    command_line = [
        "ip",
        "netns",
        "exec",
        namespace,
        "snmpd",
        "-f",
        "-Lf",
        str(folder / "log"),
        "-C",
        "-c",
        str(config),
    ]
    return subprocess.Popen(command_line, env={**os.environ, "SNMP_PERSISTENT_DIR": str(folder / "state")})


@pytest.fixture(autouse=True)
def _own_program():
    """The program belongs to the namespace it was started in: none is left for the next test."""
    arp_client.stop()
    yield
    arp_client.stop()


def test_arp_finds_the_true_mac_and_its_maker(probe):
    found = probe(lambda: arp_client.lookup(HOST))
    assert [(one.mac, one.vendor, one.is_random, one.answers) for one in found.macs] == [
        (TRUE_MAC, "Intel Corporate", False, 3)
    ]
    assert (found.method, found.interface, found.is_duplicate, found.why_not) == ("arp", "br0", False, None)


def test_two_devices_with_one_address_are_both_told(probe):
    found = probe(lambda: arp_client.lookup(TWINS))
    assert found.is_duplicate
    assert {one.mac for one in found.macs} == {TRUE_MAC, TWIN_MAC}


def test_nobody_answering_is_a_finding_within_its_time(probe):
    def measured():
        arp_client.lookup(HOST)
        started = time.monotonic()
        return arp_client.lookup(SILENT, timeout_s=0.4), time.monotonic() - started

    found, seconds = probe(measured)
    assert (found.method, found.macs) == (None, ())
    assert "nobody answers" in found.why_not
    assert seconds < 0.6


def test_what_arp_cannot_do_from_here_is_said(probe):
    with pytest.raises(errors.NoInterface, match="not on a segment"):
        probe(lambda: arp_client.lookup(BEYOND))
    with pytest.raises(errors.NoInterface, match="not possible on nope"):
        probe(lambda: arp_client.lookup(HOST, interface="nope"))
    with pytest.raises(errors.BadAddress, match="IPv6"):
        arp_client.lookup("fd00:1::2")
    with pytest.raises(ValueError, match="out of range"):
        arp_client.lookup(HOST, count=0)


def test_an_interface_without_a_route_to_the_address_may_be_named(probe):
    assert probe(lambda: arp_client.lookup(BEYOND, interface="br0", timeout_s=0.2)).macs == ()


def test_forty_lookups_at_once_do_not_wait_for_each_other(probe):
    def all_at_once():
        arp_client.lookup(HOST)
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            found = list(pool.map(arp_client.lookup, [HOST, SILENT] * 20))
        return [bool(one.macs) for one in found], time.monotonic() - started

    answered, seconds = probe(all_at_once)
    assert answered == [True, False] * 20
    assert seconds < 6


def program_ids():
    listed = sh("ps", "-eo", "pid,ppid,args").splitlines()
    rows = [line.split(None, 2) for line in listed if "netdiag.arp" in line]
    return [int(pid) for pid, parent, _ in rows if int(parent) == os.getpid()]


def test_the_program_is_one_and_started_again_when_it_died(probe):
    probe(lambda: arp_client.lookup(HOST))
    (pid,) = program_ids()
    probe(lambda: arp_client.lookup(HOST))
    assert program_ids() == [pid]
    os.kill(pid, signal.SIGKILL)
    assert probe(lambda: arp_client.lookup(HOST)).macs
    assert program_ids() != [pid]
    arp_client.stop()
    assert program_ids() == []


def test_a_forked_worker_starts_a_program_of_its_own(probe):
    def forked():
        arp_client.lookup(HOST)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:
            code = 1
            try:
                code = 0 if arp_client.lookup(HOST).macs else 1
                arp_client.stop()
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return code, bool(arp_client.lookup(HOST).macs)

    assert probe(forked) == (0, True)


def test_the_program_does_not_outlive_a_killed_parent(probe):
    script = (
        f"from netdiag import arp_client; arp_client.lookup({HOST!r}); print('ready', flush=True); input()"
    )
    parent = probe(
        lambda: subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    )
    assert parent.stdout.readline() == b"ready\n"
    listed = sh("ps", "-eo", "pid,ppid,args").splitlines()
    program = next(int(line.split()[0]) for line in listed if line.split()[1] == str(parent.pid))
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 3
    while Path(f"/proc/{program}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{program}").exists()


def test_scapy_and_icmplib_are_never_in_one_process(probe):
    script = (
        "import sys; from netdiag import arp_client, commands, mac_lookup, ping, status, sweep, testing, __main__;"
        f"assert mac_lookup.find({HOST!r}).method == 'arp'; commands.resolve('localhost');"
        "assert 'icmplib' in sys.modules; assert not [m for m in sys.modules if m.startswith('scapy')]"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    probe(lambda: subprocess.run([sys.executable, "-c", script], check=True, timeout=60, env=environment))
    other = "import sys, netdiag.arp as a; a.vendor({'mac': '00:00:01:00:00:00'}); assert 'scapy' in sys.modules; assert 'icmplib' not in sys.modules"
    subprocess.run([sys.executable, "-c", other], check=True, timeout=60, env=environment)


def test_the_mac_on_the_own_segment_is_found_by_arp(probe):
    found = probe(lambda: mac_lookup.find(TWINS))
    assert (found.method, found.is_duplicate) == ("arp", True)


def test_the_mac_behind_a_router_is_read_from_its_table(probe):
    target = SnmpTarget(ROUTER, timeout_s=2)
    assert probe(lambda: wait_for(lambda: neighbours.router(target, BEYOND))) == FAR_MAC
    found = probe(lambda: mac_lookup.find(BEYOND, routers=[target]))
    assert (found.method, found.macs[0].mac, found.macs[0].vendor) == ("router", FAR_MAC, "VMware, Inc.")
    assert found.tried == (f"ARP table of {ROUTER}",)


def wait_for(look):
    """Net-SNMP starts in its own time, and keeps its tables for some seconds."""
    for _ in range(20):
        try:
            found = look()
        except errors.SnmpFailed:
            found = None
        if found:
            return found
        time.sleep(0.5)
    return None


def test_what_was_tried_in_vain_is_told(probe):
    silent = SnmpTarget(ROUTER, community="guess", timeout_s=0.2, retries=0)
    known = SnmpTarget(ROUTER, timeout_s=2)
    found = probe(lambda: mac_lookup.find("10.2.0.99", routers=[silent, known]))
    assert (found.method, found.macs) == (None, ())
    assert (
        found.why_not
        == f"10.2.0.99 is behind the router {ROUTER}, where ARP does not reach, and no router asked has an entry"
    )
    assert "community is wrong" in found.tried[0]
    assert found.tried[1] == f"ARP table of {ROUTER}: no entry"
    alone = probe(lambda: mac_lookup.find("10.2.0.99"))
    assert alone.why_not.endswith("no router to ask is known")
    lost = probe(lambda: mac_lookup.find("2001:db8::1"))
    assert lost.why_not == "there is no route to 2001:db8::1 from here"
    quiet = probe(lambda: mac_lookup.find(SILENT))
    assert (quiet.why_not, quiet.tried[0]) == (f"nobody on br0 answers for {SILENT}", "ARP on br0: no answer")


def test_ipv6_neighbours_are_found_by_discovery_and_without_rights_by_the_kernel(probe):
    found = probe(lambda: mac_lookup.find("fd00:1::2"))
    assert (found.method, [one.mac for one in found.macs]) == ("nd", [TRUE_MAC])
    done = json.loads(unprivileged(probe, "mac", "fd00:1::2").stdout)
    assert (done["method"], done["macs"][0]["mac"]) == ("kernel", TRUE_MAC)
    assert done["tried"][0] == "neighbour discovery on br0: not permitted"


def test_the_own_address_is_known_without_asking(probe):
    own = probe(lambda: netlink.hardware_address("br0"))
    found = probe(lambda: mac_lookup.find("10.1.0.1"))
    assert [one.mac for one in found.macs] == [own]
    loopback = probe(lambda: mac_lookup.find("127.0.0.1"))
    assert "has no MAC" in loopback.why_not


def test_segments_are_known_by_the_kernels_routes(probe):
    assert probe(
        lambda: [neighbours.segment(one) for one in (HOST, BEYOND, "127.0.0.1", "10.1.0.1", "fd00:1::7")]
    ) == ["br0", None, None, None, "br0"]
    with pytest.raises(errors.BadAddress):
        neighbours.segment("10.1.0")
    with pytest.raises(errors.NoInterface):
        neighbours.segment("fe80::1%nowhere0")
    assert probe(lambda: netlink.owner("10.1.0.99")) is None


# Root without its network rights: a nobody may be unable to enter the clone or run its Python.
WITHOUT_RIGHTS = ["/usr/bin/setpriv", "--bounding-set", "-net_raw,-net_admin"]


def unprivileged(probe, *arguments):
    return probe(
        lambda: subprocess.run(
            [*WITHOUT_RIGHTS, sys.executable, "-m", "netdiag", *arguments, "--json"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd="/",
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        )
    )


def test_without_privileges_the_kernel_is_made_to_ask(probe):
    refused = unprivileged(probe, "arp", HOST)
    assert refused.returncode == 4
    assert "CAP_NET_RAW" in refused.stderr
    done = unprivileged(probe, "mac", HOST)
    found = json.loads(done.stdout)
    assert (found["method"], found["macs"][0]["mac"]) == ("kernel", TRUE_MAC)
    assert found["tried"][0] == "ARP on br0: not permitted"


def test_the_command_tells_people_what_it_found(probe, capsys):
    assert probe(lambda: command.main(["arp", TWINS])) == 0
    said = capsys.readouterr().out
    assert f"{TRUE_MAC} (Intel Corporate) by arp" in said
    assert f"{TWIN_MAC} (made-up address) by arp" in said
    assert "two devices answer" in said
    assert probe(lambda: command.main(["mac", "10.2.0.99", "--router", ROUTER, "--timeout", "2"])) == 3
    assert "behind the router" in capsys.readouterr().out


def test_makers_of_small_blocks_are_known_while_the_program_runs_and_never_start_it(probe):
    assert mac.vendor("00-1B-21-01-02-03") == "Intel Corporate"
    assert mac.vendor("00:55:da:11:22:33") is None
    assert program_ids() == []
    probe(lambda: arp_client.lookup(HOST))
    assert mac.vendor("00:55:da:11:22:33") == "KoolPOS Inc."
    assert mac.vendor("00:1b:c5:00:1a:bc") == "OpenRB.com, Direct SIA"
    assert mac.vendor("02:00:00:00:00:01") is None
    assert mac.vendor("fc:ff:ff:ff:ff:ff") is None
