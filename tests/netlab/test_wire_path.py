"""The wire beyond plain ping: strange hosts, errors in sweeps, traces, MTU, few rights, busy loops, full buffers."""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from netdiag import icmp, mtu, ping, sweep, trace
from tests.netlab import strange_hosts as strange

ROOT = Path(__file__).parents[2]
NEAR, MIDDLE, FAR = "10.6.0.1", "10.6.0.2", "10.7.0.2"
MANY = "10.8.{}.{}"
FILTERED, LOSSY, NOWHERE = "10.8.9.1", "10.8.9.2", "10.9.0.1"
RULES = f"""
table ip wire {{
  chain forward {{
    type filter hook forward priority 0;
    ip daddr {FILTERED} reject with icmp type admin-prohibited
    ip daddr {LOSSY} numgen inc mod 10 < 3 drop
  }}
}}
"""


def sh(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30, **options).stdout


@pytest.fixture(scope="module")
def wire(need, inside):
    """Probe, router and a far side that holds a prefix; beside the probe the strange hosts."""
    need("root", "ip", "nft")
    tag = f"p{os.urandom(3).hex()}"
    near, middle, far = names = [f"{tag}n", f"{tag}m", f"{tag}f"]
    hosts = None
    try:
        for name in names:
            sh("ip", "netns", "add", name)
            sh("ip", "-n", name, "link", "set", "lo", "up")
            sh(
                "ip",
                "netns",
                "exec",
                name,
                "sysctl",
                "-qw",
                "net.ipv4.icmp_ratemask=0",
                "net.ipv4.ip_forward=1",
            )
            sh("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.icmp_msgs_per_sec=100000")
            sh("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
            sh("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.icmp.ratelimit=0")
        sh("ip", "link", "add", "v0", "netns", near, "type", "veth", "peer", "name", "v0", "netns", middle)
        sh("ip", "link", "add", "v1", "netns", middle, "type", "veth", "peer", "name", "v1", "netns", far)
        for name, device, address in (
            (near, "v0", f"{NEAR}/24"),
            (middle, "v0", f"{MIDDLE}/24"),
            (middle, "v1", "10.7.0.1/24"),
            (far, "v1", f"{FAR}/24"),
            (near, "v0", "fd06::1/64"),
            (middle, "v0", "fd06::2/64"),
            (middle, "v1", "fd07::1/64"),
            (far, "v1", "fd07::2/64"),
        ):
            sh("ip", "-n", name, "link", "set", device, "up")
            sh(
                "ip",
                "-n",
                name,
                "addr",
                "add",
                address,
                "dev",
                device,
                *(["nodad"] if ":" in address else []),
            )
        for name, via4, via6 in ((near, MIDDLE, "fd06::2"), (far, "10.7.0.1", "fd07::1")):
            sh("ip", "-n", name, "route", "add", "default", "via", via4)
            sh("ip", "-n", name, "-6", "route", "add", "default", "via", via6)
        sh("ip", "-n", middle, "route", "add", "10.8.0.0/16", "via", FAR)
        sh("ip", "-n", far, "route", "add", "local", "10.8.0.0/16", "dev", "lo")
        sh("ip", "netns", "exec", middle, "nft", "-f", "-", input=RULES)
        hosts = inside(near, lambda: strange.StrangeHosts("tun0"))
        sh("ip", "-n", near, "addr", "add", "10.3.0.1/24", "dev", "tun0")
        sh("ip", "-n", near, "link", "set", "tun0", "up")
        yield Wire(near, lambda call: inside(near, call), hosts)
    finally:
        if hosts:
            hosts.close()
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


class Wire:
    def __init__(self, near, run, hosts):
        self.near, self.run, self.hosts = near, run, hosts

    def ping(self, address, **options):
        options = {"count": 3, "interval_s": 0.02, "timeout_s": 0.2} | options
        return self.run(lambda: list(ping.stream(address, **options)))

    def sweep(self, addresses, **options):
        options = {"timeout_s": 0.2} | options
        return self.run(lambda: sweep.sweep(addresses, **options))

    def command(self, *arguments, rights):
        """Run the command as root with only these rights."""
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin", "PYTHONDONTWRITEBYTECODE": "1"}
        words = ["/usr/bin/setpriv", "--bounding-set", rights, sys.executable, "-m", "netdiag", *arguments]
        done = self.run(
            lambda: subprocess.run(
                words, capture_output=True, text=True, timeout=60, check=False, cwd="/", env=environment
            )
        )
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def many(count):
    return [MANY.format(number // 200, number % 200 + 1) for number in range(count)]


def test_a_delay_is_measured_as_the_delaying_host_measured_it(wire):
    wire.hosts.held.clear()
    times = [one.rtt_ms for one in wire.ping(strange.DELAYED, timeout_s=2)]
    assert all(one >= strange.DELAY_S * 1000 for one in times)
    for measured, held in zip(times, wire.hosts.held, strict=True):
        assert measured == pytest.approx(held, abs=20)
    (summary,) = wire.sweep([strange.DELAYED], timeout_s=2)
    assert 40 <= summary.rtt_avg_ms < 80


def test_a_host_that_answers_twice_is_alive_once(wire):
    replies = wire.ping(strange.TWICE, interval_s=0.05)
    assert [one.sequence for one in replies if not one.is_duplicate] == [1, 2, 3]
    assert ping.summarize("", replies).duplicates >= 2
    # The second answer to the first round comes while the delayed host is still awaited.
    twice, _ = wire.sweep([strange.TWICE, strange.DELAYED], probes=2)
    assert (twice.received, twice.loss_percent, twice.duplicates >= 1) == (2, 0, True)


def test_an_answer_after_its_time_is_lost_and_told_as_late(wire):
    replies = wire.ping(strange.LATE, count=5, interval_s=0.2)
    late = [one.late_ms for one in replies if one.late_ms is not None]
    assert len(late) >= 2
    assert all(one >= 400 for one in late)
    summary = ping.summarize("", replies)
    assert (summary.received, summary.late) == (0, len(late))
    first_late, _ = wire.sweep([strange.FIRST_LATE, strange.LATE], probes=4)
    assert (first_late.sent, first_late.received, first_late.late) == (4, 3, 1)


@pytest.mark.parametrize("host", [strange.ELSEWHERE, strange.SHORT, strange.OTHER_ID])
def test_an_answer_that_is_not_ours_makes_nobody_alive(wire, host):
    assert {one.reason for one in wire.ping(host)} == {"timeout"}
    assert [one.received for one in wire.sweep([host, "10.3.0.99"])] == [0, 0]


def test_a_sweep_finds_all_the_living_and_keeps_the_cause_of_each_dead(wire):
    addresses = [*many(500), FILTERED, NOWHERE, LOSSY]
    found = wire.sweep(addresses, probes=10, pace_s=0, timeout_s=0.3)
    assert {one.received for one in found[:500]} == {10}
    filtered, nowhere, lossy = found[500:]
    assert (filtered.reason, filtered.router, filtered.errors) == (
        f"packet filtered from {MIDDLE}",
        MIDDLE,
        10,
    )
    assert (nowhere.reason, nowhere.received) == (f"network unreachable from {MIDDLE}", 0)
    assert (lossy.loss_percent, lossy.reason) == (30, None)


def test_a_sweep_of_version_6_and_with_a_small_ttl_names_the_routers(wire):
    far, nowhere = wire.sweep(["fd07::2", "fd09::1"], probes=2)
    assert (far.received, nowhere.reason) == (2, "no route from fd06::2")
    expired = wire.sweep([FAR, "fd07::2"], ttl=1)
    assert [one.reason for one in expired] == [
        f"time to live exceeded from {MIDDLE}",
        "hop limit exceeded from fd06::2",
    ]


def test_the_packets_look_as_they_were_asked_for(wire):
    def seen():
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as ear:
            ear.settimeout(5)
            list(ping.stream("10.3.0.1", count=1, size=500, ttl=17, dscp=46, dont_fragment=True))
            return ear.recv(2000)

    packet = wire.run(seen)
    assert (len(packet), packet[8], packet[1] >> 2, packet[6] >> 6) == (528, 17, 46, 1)


def test_a_trace_names_the_router_and_the_target(wire):
    for address, router in ((FAR, MIDDLE), ("fd07::2", "fd06::2")):
        found = wire.run(lambda address=address: trace.trace(address, count=3, interval_s=0))
        assert [one.addresses for one in found.hops] == [(router,), (address,)]
        assert [one.loss_percent for one in found.hops] == [0, 0]
        assert found.is_reached
    stopped = wire.run(lambda: trace.trace(FILTERED, count=1))
    assert (stopped.is_reached, stopped.reason) == (False, f"packet filtered from {MIDDLE}")


def test_the_mtu_of_a_path_is_found_where_it_is_said_and_where_it_is_not(wire):
    def measure(address):
        return wire.run(lambda: mtu.measure(address, timeout_s=0.15))

    hole = measure(strange.HOLE)
    assert (hole.verdict, hole.mtu) == ("black hole", strange.HOLE_SIZE)
    narrow = measure(strange.NARROW)
    assert (narrow.verdict, narrow.mtu, narrow.router) == ("limited", strange.NARROW_MTU, strange.ROUTER)
    assert narrow.router_mtu == strange.NARROW_MTU
    assert measure(FAR).verdict == "clear"
    assert measure("fd07::2").mtu == 1500
    assert measure(strange.SHORT).verdict == "silent"


def test_a_router_with_a_narrow_link_names_its_mtu(wire):
    middle = f"{wire.near[:-1]}m"
    for size in ("1300", "1500"):
        sh("ip", "-n", middle, "link", "set", "v1", "mtu", size)
        for address, router in ((FAR, MIDDLE), ("fd07::2", "fd06::2")):
            found = wire.run(lambda address=address: mtu.measure(address, timeout_s=0.3))
            assert found.mtu == int(size)
            assert found.router == (router if size == "1300" else None)


def test_a_busy_event_loop_spoils_no_round_trip(wire):
    async def busy(until):
        while time.monotonic() < until:
            time.sleep(0.05)
            await asyncio.sleep(0)

    async def measure():
        load = asyncio.create_task(busy(time.monotonic() + 1.2))
        replies = [one async for one in ping.stream_async(FAR, count=5, interval_s=0.05)]
        swept = await sweep.sweep_async(many(200), pace_s=0.0005)
        await load
        return replies, swept

    replies, swept = wire.run(lambda: asyncio.run(measure()))
    assert statistics.median(one.rtt_ms for one in replies) < 10
    assert statistics.median(one.rtt_avg_ms for one in swept) < 10
    assert {one.received for one in swept} == {1}


def test_with_the_right_to_raw_sockets_alone_everything_works(wire):
    code, found, complaint = wire.command(
        "sweep", "10.8.1.0/24", "-W", "0.5", "--json", rights="-all,+net_raw"
    )
    assert (code, complaint) == (0, "")
    assert [one["received"] for one in found] == [1] * 254
    code, found, complaint = wire.command("trace", FAR, "--json", rights="-all,+net_raw")
    assert (code, found[0]["is_reached"]) == (0, True), complaint


def test_without_any_right_the_kernels_ping_socket_sweeps_and_keeps_the_causes(wire):
    ping_range = Path("/proc/sys/net/ipv4/ping_group_range")
    wire.run(lambda: ping_range.write_text("0 2147483647"))
    try:
        addresses = ["10.8.1.0/25", FILTERED, NOWHERE, "fd07::2", "fd09::1"]
        code, found, complaint = wire.command("sweep", *addresses, "-W", "0.5", "--json", rights="-all")
        assert (code, complaint) == (0, "")
        *living, filtered, nowhere, far6, nowhere6 = found
        assert [one["received"] for one in [*living, far6]] == [1] * 127
        assert (filtered["reason"], filtered["router"]) == (f"packet filtered from {MIDDLE}", MIDDLE)
        assert nowhere["reason"] == f"network unreachable from {MIDDLE}"
        assert nowhere6["reason"] == "no route from fd06::2"
        code, found, complaint = wire.command("trace", FAR, "--json", rights="-all")
        assert [one["addresses"] for one in found[0]["hops"]] == [[MIDDLE], [FAR]], complaint
        code, found, complaint = wire.command("mtu", strange.HOLE, "-W", "0.2", "--json", rights="-all")
        assert (found[0]["verdict"], found[0]["mtu"]) == ("black hole", strange.HOLE_SIZE), complaint
    finally:
        wire.run(lambda: ping_range.write_text("1 0"))


def test_answers_that_found_no_room_are_asked_for_again(wire):
    overflows = []

    class Cramped(icmp.SocketChannel):
        def __init__(self, version):
            super().__init__(version, is_wide=True)
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 12_000)

        def close(self):
            overflows.append(self.overflowed())
            super().close()

    found = wire.sweep(many(400), pace_s=0, timeout_s=0.1, open_channel=Cramped)
    assert overflows[0] > 0
    assert {one.received for one in found} == {1}


def test_sweeps_side_by_side_in_threads_each_hear_their_own(wire):
    def all_at_once():
        found = {}

        def one(number):
            found[number] = sweep.sweep([*many(100), "10.3.0.99"], probes=3, timeout_s=0.3)

        threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
        # A namespace belongs to a thread and those it starts.
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    for found in wire.run(all_at_once).values():
        assert [one.received for one in found] == [3] * 100 + [0]
        assert max(one.duplicates for one in found) == 0


def test_a_sweep_holds_one_descriptor_and_little_memory(wire):
    script = (
        "import os; from netdiag import icmp, sweep\n"
        "seen = []\n"
        "class Watched(icmp.SocketChannel):\n"
        "    def close(self):\n"
        "        seen.append(len(os.listdir('/proc/self/fd')) - 1)\n"
        "        super().close()\n"
        "addresses = [f'10.8.{a}.{b}' for a in range(200) for b in range(1, 251)]\n"
        "found = sweep.sweep(addresses, pace_s=0, timeout_s=2, open_channel=lambda v: Watched(v, is_wide=True))\n"
        "lost = sum(one.received == 0 for one in found)\n"
        "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "print(len(found), lost, seen[0], int(peak.split()[1]) // 1024)"
    )
    # Not ru_maxrss, which begins with that of whoever started us; nor what tracing adds.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    environment["PYTHONPATH"] = str(ROOT)
    said = wire.run(lambda: sh(sys.executable, "-c", script, env=environment))
    count, lost, descriptors, memory_mb = map(int, said.split())
    # 10.8.9.1 is filtered, 10.8.9.2 is lossy.
    assert (count, lost in {1, 2}) == (50_000, True)
    assert descriptors <= 5
    assert memory_mb < 60
