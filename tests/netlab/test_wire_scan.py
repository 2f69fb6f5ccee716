"""Scans and neighbour discovery in namespaces: duplicates, proxies, announcements, interfaces that go away."""

import concurrent.futures
import json
import os
import socket
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

from netdiag import __main__ as command
from netdiag import arp_client, arp_frames, arp_scan, errors, nd, nd_frames, packet

ROOT = Path(__file__).parents[2]
OWN, ONE, TWO = "00:1b:21:00:00:01", "00:1b:21:00:00:02", "00:1b:21:00:00:03"
TWIN, HOST, OTHER, FAR = "10.1.0.3", "10.1.0.2", "10.1.0.6", "10.1.9.9"
PROXIED = "10.1.1.0/28"


def sh(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30).stdout


@pytest.fixture
def probe(segment):
    return segment[0]


def scan(*ranges, **options):
    return arp_scan.scan(ranges, **{"timeout_s": 0.2, "rate_per_s": None, **options})


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_scan_tells_who_answers_who_twice_and_who_for_many(probe):
    found = probe(lambda: scan("10.1.0.0/24", PROXIED))
    hosts = {one.address: one for one in found.hosts}
    assert set(hosts) == {"10.1.0.1", HOST, TWIN, OTHER, *(f"10.1.1.{last}" for last in range(16))}
    assert {seen.mac for seen in hosts[TWIN].macs} == {ONE, TWO}
    assert [one.address for one in found.hosts if one.is_duplicate] == [TWIN]
    assert [(seen.mac, seen.vendor, seen.is_random) for seen in hosts[HOST].macs] == [
        (ONE, "Intel Corporate", False)
    ]
    assert not hosts[HOST].is_proxied
    assert hosts["10.1.1.7"].is_proxied
    shares = {one.mac: (one.count, one.is_proxy) for one in found.shares}
    assert shares == {ONE: (2, False), TWO: (18, True)}
    assert (found.asked, found.interface, found.echoes, found.foreign) == (272, "br0", 0, ())
    assert found.sent == 2 * 272 - 19


def test_the_own_address_is_told_with_the_own_mac_and_no_answer(probe):
    (own,) = probe(lambda: scan("10.1.0.1")).hosts
    assert [(seen.mac, seen.answers) for seen in own.macs] == [(OWN, 0)]


def test_a_silent_range_takes_its_time_and_no_longer(probe):
    started = time.monotonic()
    found = probe(lambda: scan("10.1.2.0/24", timeout_s=0.3))
    assert (found.hosts, found.sent) == ((), 512)
    assert 0.3 <= time.monotonic() - started < 2


def test_the_pace_is_kept(probe):
    found = probe(lambda: scan("10.1.2.0/24", probes=1, rate_per_s=1000, timeout_s=0.05))
    assert found.seconds > 0.25


def test_a_scan_is_stopped(probe):
    calls = iter([False, True])
    found = probe(lambda: scan("10.1.2.0/23", rate_per_s=1000, should_stop=lambda: next(calls, True)))
    assert found.sent < 100


def test_announcements_and_strangers_during_a_scan_are_told(segment):
    probe, (_, one, _) = segment

    def speak():
        with packet.listening("v0", packet.ARP) as wire:
            announced, far = socket.inet_aton(OTHER), socket.inet_aton(FAR)
            for _ in range(3):
                time.sleep(0.05)
                wire.send(arp_frames.question_head(wire.hardware, announced) + announced)
                wire.send(arp_frames.question_head(wire.hardware, far) + socket.inet_aton("10.1.9.8"))

    speaker = threading.Thread(target=lambda: probe(speak, one))
    speaker.start()
    found = probe(lambda: scan("10.1.0.0/24", timeout_s=0.5))
    speaker.join()
    assert [(seen.address, seen.mac) for seen in found.gratuitous] == [(OTHER, ONE)]
    assert [(seen.address, seen.mac) for seen in found.foreign] == [(FAR, ONE)]
    # Whoever announces an address that another answers for is a second owner.
    (other,) = [host for host in found.hosts if host.address == OTHER]
    assert {seen.mac for seen in other.macs} == {ONE, TWO}
    assert other.is_duplicate


def test_two_hosts_with_one_mac_are_told(segment):
    probe, (_, _, two) = segment
    sh("ip", "-n", two, "link", "set", "v0", "address", ONE)
    try:
        found = probe(lambda: scan(f"{HOST}-{OTHER}"))
    finally:
        sh("ip", "-n", two, "link", "set", "v0", "address", TWO)
    assert (ONE, HOST) in {(share.mac, address) for share in found.shares for address in share.addresses}
    assert (ONE, OTHER) in {(share.mac, address) for share in found.shares for address in share.addresses}


def test_a_frame_sent_by_another_than_it_names_is_told(segment):
    probe, (_, one, _) = segment

    def forge():
        own = socket.inet_aton(HOST)
        with packet.listening("v0", packet.ARP) as wire:
            frame = arp_frames.question_head(bytes.fromhex("00005e000105"), own) + own
            for _ in range(3):
                time.sleep(0.05)
                wire.send(frame[:6] + wire.hardware + frame[12:])

    forger = threading.Thread(target=lambda: probe(forge, one))
    forger.start()
    found = probe(lambda: scan("10.1.0.0/28", timeout_s=0.5))
    forger.join()
    (host,) = [host for host in found.hosts if host.address == HOST]
    assert host.relays == (ONE,)


def test_where_a_scan_cannot_be_is_said(probe):
    with pytest.raises(errors.NoInterface, match="not on one segment"):
        probe(lambda: scan("192.0.2.0/24"))
    with pytest.raises(errors.NoInterface, match="not on one segment"):
        probe(lambda: scan("10.1.0.0/16"))
    with pytest.raises(errors.NoInterface, match="not possible on nope"):
        probe(lambda: scan(HOST, interface="nope"))
    with pytest.raises(errors.NoInterface, match="no Ethernet"):
        probe(lambda: scan(HOST, interface="lo"))
    with pytest.raises(ValueError, match="out of range"):
        scan(HOST, probes=0)
    with pytest.raises(errors.BadAddress):
        arp_scan.who_has("10.1.0.0/24")


def test_one_address_is_asked_over_the_kept_socket(probe):
    def ask():
        arp_scan.who_has(HOST)
        before = descriptors()
        found = [arp_scan.who_has(HOST) for _ in range(20)]
        return found, descriptors() - before

    assert probe(ask) == ([ONE] * 20, 0)
    assert probe(lambda: arp_scan.who_has("10.1.2.9", timeout_s=0.1)) is None


def test_the_programs_first_answer_is_quick_and_enough(probe):
    def ask():
        arp_client.lookup(HOST)
        started = time.monotonic()
        return arp_client.lookup(HOST, is_first=True), time.monotonic() - started

    found, seconds = probe(ask)
    assert [(one.mac, one.answers) for one in found.macs] == [(ONE, 1)]
    assert seconds < 0.1
    arp_client.stop()


# --- threads, forks, interfaces that go away


def test_scans_and_questions_of_many_threads_share_one_socket(probe):
    def all_at_once():
        scan(HOST)
        before = descriptors()
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            # The pool's threads are of this namespace, as their starter is.
            scans = [pool.submit(scan, "10.1.0.0/24", timeout_s=0.5) for _ in range(4)]
            questions = [pool.submit(arp_scan.who_has, address) for address in [HOST, OTHER] * 20]
            found = [len(one.result().hosts) for one in scans], [one.result() for one in questions]
        return found, descriptors() - before

    assert probe(all_at_once) == (([4] * 4, [ONE, TWO] * 20), 0)


def test_a_forked_worker_and_its_parent_ask_side_by_side(probe):
    def forked():
        assert arp_scan.who_has(HOST) == ONE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:
            code = 1
            try:
                code = 0 if [len(scan("10.1.0.0/24").hosts) for _ in range(3)] == [4, 4, 4] else 1
            finally:
                os._exit(code)
        mine = [len(scan("10.1.0.0/24").hosts) for _ in range(3)]
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), mine

    assert probe(forked) == (0, [4, 4, 4])


@pytest.fixture
def cable(segment):
    """A second interface of the probe with a host of its own behind it, to be pulled."""
    probe, (near, one, _) = segment

    def pull():
        subprocess.run(["ip", "-n", near, "link", "del", "c0"], check=False, capture_output=True)

    def plug_in():
        sh("ip", "link", "add", "c0", "netns", near, "type", "veth", "peer", "name", "c1", "netns", one)
        sh("ip", "-n", near, "addr", "add", "10.3.0.1/24", "dev", "c0")
        sh("ip", "-n", one, "addr", "add", "10.3.0.2/24", "dev", "c1")
        sh("ip", "-n", near, "link", "set", "c0", "up")
        sh("ip", "-n", one, "link", "set", "c1", "up")

    plug_in()
    yield probe, near, pull, plug_in
    pull()


def test_an_interface_that_goes_away_during_a_scan_is_told_at_once(cable):
    probe, _, pull, _ = cable
    threading.Timer(0.3, pull).start()
    started = time.monotonic()
    with pytest.raises(errors.NoInterface, match="c0 is down or has gone away"):
        probe(lambda: scan("10.3.0.0/24", timeout_s=20))
    assert time.monotonic() - started < 10


def test_an_interface_that_was_replaced_is_opened_anew(cable):
    probe, _, pull, plug_in = cable
    assert probe(lambda: arp_scan.who_has("10.3.0.2"))
    pull()
    with pytest.raises(errors.NoInterface):
        probe(lambda: arp_scan.who_has("10.3.0.2", interface="c0"))
    plug_in()
    assert probe(lambda: arp_scan.who_has("10.3.0.2"))


def test_an_interface_that_is_down_is_told_and_used_again_when_it_is_up(cable):
    probe, near, _, _ = cable
    assert probe(lambda: arp_scan.who_has("10.3.0.2"))
    sh("ip", "-n", near, "link", "set", "c0", "down")
    with pytest.raises(errors.NoInterface, match="c0"):
        probe(lambda: arp_scan.who_has("10.3.0.2", interface="c0"))
    sh("ip", "-n", near, "link", "set", "c0", "up")
    assert probe(lambda: arp_scan.who_has("10.3.0.2"))


# --- neighbour discovery


def test_an_ipv6_host_advertises_itself_with_its_flags(probe):
    found = probe(lambda: nd.lookup("fd00:1::2"))
    assert [
        (one.mac, one.vendor, one.is_override, one.is_solicited, one.is_router) for one in found.answers
    ] == [(ONE, "Intel Corporate", True, True, False)]
    assert (found.interface, found.is_duplicate, found.why_not) == ("br0", False, None)


def test_a_router_says_that_it_is_one(segment):
    probe, (_, one, _) = segment
    switch = "net.ipv6.conf.v0.forwarding"
    sh("ip", "netns", "exec", one, "sysctl", "-qw", f"{switch}=1")
    try:
        (answer,) = probe(lambda: nd.lookup("fd00:1::2")).answers
    finally:
        sh("ip", "netns", "exec", one, "sysctl", "-qw", f"{switch}=0")
    assert answer.is_router


def test_two_owners_of_an_ipv6_address_are_a_duplicate(probe):
    found = probe(lambda: nd.lookup("fd00:1::3"))
    assert found.is_duplicate
    assert {one.mac for one in found.answers} == {ONE, TWO}


def test_a_silent_ipv6_address_is_a_finding_within_its_time(probe):
    started = time.monotonic()
    found = probe(lambda: nd.lookup("fd00:1::77", timeout_s=0.3))
    assert (found.answers, found.why_not) == ((), "nobody answers for fd00:1::77 on br0")
    assert time.monotonic() - started < 2


def test_a_link_local_host_is_asked_on_its_interface(probe):
    address = "fe80::21b:21ff:fe00:2"
    assert [one.mac for one in probe(lambda: nd.lookup(f"{address}%br0")).answers] == [ONE]
    assert [one.mac for one in probe(lambda: nd.lookup(address, interface="br0", is_first=True)).answers] == [
        ONE
    ]


def test_without_an_address_of_its_own_the_probe_is_answered_to_all(probe, monkeypatch):
    monkeypatch.setattr(nd, "_source", lambda scoped: nd_frames.NOBODY)
    (answer,) = probe(lambda: nd.lookup("fd00:1::2")).answers
    assert (answer.mac, answer.is_solicited) == (ONE, False)


def test_where_discovery_cannot_be_is_said(probe):
    with pytest.raises(errors.NoInterface, match="not on a segment"):
        probe(lambda: nd.lookup("2001:db8::1"))
    with pytest.raises(errors.NoInterface):
        probe(lambda: nd.lookup("fd00:1::2", interface="nope"))
    with pytest.raises(ValueError, match="out of range"):
        nd.lookup("fd00:1::2", count=0)


# --- rights and the command line


def run_with(probe, rights, *arguments):
    """Run the command as root without any right but those named."""
    words = [
        "/usr/bin/setpriv",
        "--bounding-set",
        f"-all{rights}",
        sys.executable,
        "-m",
        "netdiag",
        *arguments,
    ]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    return probe(
        lambda: subprocess.run(
            [*words, "--json"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd="/",
            env=environment,
        )
    )


# Root of a clone that others may not enter reads its Python by this one.
READ = ",+dac_override"


def test_the_right_to_raw_sockets_is_enough(probe):
    done = run_with(probe, f"{READ},+net_raw", "scan", "10.1.0.0/24", PROXIED, "--rate", "0")
    assert (done.returncode, len(json.loads(done.stdout)["hosts"])) == (0, 20)
    done = run_with(probe, f"{READ},+net_raw", "nd", "fd00:1::2")
    assert json.loads(done.stdout)["answers"][0]["mac"] == ONE
    done = run_with(probe, f"{READ},+net_raw", "arp", HOST)
    assert json.loads(done.stdout)["macs"][0]["mac"] == ONE


@pytest.mark.parametrize("arguments", [("scan", "10.1.0.0/28"), ("nd", "fd00:1::2"), ("arp", HOST)])
def test_without_it_the_command_says_what_is_missing(probe, arguments):
    done = run_with(probe, READ, *arguments)
    assert done.returncode == 4
    assert "CAP_NET_RAW" in done.stderr


def test_the_commands_tell_people_what_they_found(probe, capsys):
    assert probe(lambda: command.main(["scan", "10.1.0.0/28", PROXIED, "--rate", "0", "-W", "0.2"])) == 0
    said = capsys.readouterr().out
    assert (
        f"{TWIN} {ONE} (Intel Corporate), {TWO} (Intel Corporate): DUPLICATE" in said or "DUPLICATE" in said
    )
    assert f"{TWO} answers as a proxy for 18 addresses" in said
    assert "20 of 32 on br0" in said
    assert probe(lambda: command.main(["nd", "fd00:1::3"])) == 0
    said = capsys.readouterr().out
    assert "by nd override" in said
    assert "two devices answer" in said
    assert probe(lambda: command.main(["nd", "fd00:1::77", "-W", "0.1"])) == 3
    assert probe(lambda: command.main(["scan", "10.1.2.0/30", "-W", "0.1"])) == 3
    assert probe(lambda: command.main(["scan", "192.0.2.0/30"])) == 2
