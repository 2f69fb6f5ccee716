"""Ping in namespaces: alive, silent, lossy, unreachable, filtered, two at once, without privileges."""

import concurrent.futures
import json
import os
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import icmplib
import pytest

from netdiag import ping, sweep

ROOT = Path(__file__).parents[2]
ALIVE, SILENT, LOSSY, FILTERED = "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5"
ROUTER, BEYOND, NOWHERE = "10.1.0.6", "10.2.0.2", "10.9.0.1"
RULES = f"""
table ip wire {{
  chain in {{
    type filter hook input priority 0;
    ip daddr {SILENT} drop
    ip daddr {LOSSY} icmp type echo-request numgen inc mod 5 < 2 drop
    ip daddr {FILTERED} reject with icmp type admin-prohibited
  }}
}}
"""


def sh(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30, **options).stdout


@pytest.fixture(scope="module")
def probe(need, inside):
    """A probe's namespace, on one wire with hosts of every kind and a router to a segment beyond."""
    need("root", "ip", "nft")
    tag = f"w{os.urandom(3).hex()}"
    near, far, beyond = f"{tag}p", f"{tag}h", f"{tag}b"
    names = [near, far, beyond]
    try:
        for name in names:
            sh("ip", "netns", "add", name)
            sh("ip", "-n", name, "link", "set", "lo", "up")
        sh("ip", "link", "add", "v0", "netns", near, "type", "veth", "peer", "name", "v0", "netns", far)
        sh("ip", "link", "add", "v1", "netns", far, "type", "veth", "peer", "name", "v1", "netns", beyond)
        for name, device in ((near, "v0"), (far, "v0"), (far, "v1"), (beyond, "v1")):
            sh("ip", "-n", name, "link", "set", device, "up")
        sh("ip", "-n", near, "addr", "add", "10.1.0.1/24", "dev", "v0")
        for address in (ROUTER, ALIVE, SILENT, LOSSY, FILTERED):
            sh("ip", "-n", far, "addr", "add", f"{address}/24", "dev", "v0")
        sh("ip", "-n", far, "addr", "add", "10.2.0.1/24", "dev", "v1")
        sh("ip", "-n", beyond, "addr", "add", f"{BEYOND}/24", "dev", "v1")
        for name, address, device in (
            (near, "fd00:1::1", "v0"),
            (far, "fd00:1::2", "v0"),
            (far, "fe80::2", "v0"),
        ):
            sh("ip", "-n", name, "addr", "add", f"{address}/64", "dev", device, "nodad")
        sh("ip", "-n", near, "route", "add", "default", "via", ROUTER)
        sh("ip", "-n", beyond, "route", "add", "default", "via", "10.2.0.1")
        sh("ip", "netns", "exec", far, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratemask=0")
        sh("ip", "netns", "exec", far, "nft", "-f", "-", input=RULES)
        yield lambda call: inside(near, call)
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def run(probe, address, **options):
    options = {"count": 5, "interval_s": 0.02, "timeout_s": 0.4} | options
    return probe(lambda: list(ping.stream(address, **options)))


def test_a_live_host_answers_every_echo_with_a_true_round_trip(probe):
    replies = run(probe, ALIVE)
    assert [one.sequence for one in replies] == [1, 2, 3, 4, 5]
    assert all(0 < one.rtt_ms < 100 and (one.sender, one.ttl, one.size) == (ALIVE, 64, 64) for one in replies)
    assert run(probe, BEYOND)[0].ttl == 63


@pytest.mark.parametrize("size", [0, 56, 1400, 9000])
def test_every_size_comes_back_whole(probe, size):
    assert {one.size for one in run(probe, ALIVE, size=size)} == {size + 8}


def test_a_silent_host_loses_everything(probe):
    replies = run(probe, SILENT)
    assert {one.reason for one in replies} == {"timeout"}
    assert ping.summarize(SILENT, replies).loss_percent == 100


def test_the_loss_of_a_lossy_line_is_told_as_it_is(probe):
    summary = ping.summarize(LOSSY, run(probe, LOSSY, count=50, interval_s=0.005))
    assert (summary.sent, summary.loss_percent) == (50, 40)


def test_an_unreachable_host_is_told_with_cause_and_router(probe):
    (reply,) = run(probe, NOWHERE, count=1)
    assert (reply.rtt_ms, reply.reason, reply.sender) == (None, f"network unreachable from {ROUTER}", ROUTER)
    assert run(probe, FILTERED, count=1)[0].reason == f"packet filtered from {FILTERED}"
    assert run(probe, BEYOND, count=1, ttl=1)[0].reason == f"time to live exceeded from {ROUTER}"
    assert run(probe, "10.1.0.99", count=1, timeout_s=5)[0].reason == "host unreachable from 10.1.0.1"


def test_without_a_route_the_reply_says_so_and_the_run_goes_on(probe):
    replies = run(probe, "2001:db8::1", count=2)
    assert [one.reason for one in replies] == ["no route to this network from here"] * 2


def test_an_error_of_one_echo_costs_no_other(probe):
    """The kernel reports a pending ICMP error on the next send, which it then does not do."""
    replies = run(probe, FILTERED, count=8, interval_s=0.01)
    assert {one.reason for one in replies} == {f"packet filtered from {FILTERED}"}


def test_ipv6_is_pinged_like_ipv4(probe):
    replies = run(probe, "fd00:1::2", size=1400)
    assert [(one.size, one.sender) for one in replies] == [(1408, "fd00:1::2")] * 5
    assert run(probe, "fd00:1::99", count=1, timeout_s=5)[0].reason == "host unreachable from fd00:1::1"
    assert all(one.rtt_ms for one in run(probe, "fe80::2%v0", count=2))


def test_stop_ends_a_silent_run_at_once(probe):
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    started = time.monotonic()
    run(probe, SILENT, count=100, interval_s=1, timeout_s=30, should_stop=stop.is_set)
    assert time.monotonic() - started < 10


def test_a_slow_reader_does_not_lengthen_the_round_trips(probe):
    def slowly():
        found = []
        for one in ping.stream(ALIVE, count=4, interval_s=0.01):
            time.sleep(0.08)
            found.append(one.rtt_ms)
        return found

    assert max(probe(slowly)) < 40


def test_a_sweep_over_one_socket_knows_each_host(probe):
    addresses = [ALIVE, SILENT, BEYOND, NOWHERE, "fd00:1::2", ROUTER]
    found = probe(lambda: sweep.sweep(addresses, probes=3, timeout_s=0.3))
    assert [one.received for one in found] == [3, 0, 3, 0, 3, 3]


def test_sixty_pings_at_once_each_hear_their_own_host_only(probe):
    def all_at_once():
        hosts = [ALIVE, SILENT, BEYOND] * 20
        with concurrent.futures.ThreadPoolExecutor(60) as pool:
            jobs = [
                pool.submit(lambda host=host: list(ping.stream(host, count=10, interval_s=0.02, timeout_s=2)))
                for host in hosts
            ]
            return [
                (host, [one.rtt_ms is not None for one in job.result()])
                for host, job in zip(hosts, jobs, strict=True)
            ]

    for host, answered in probe(all_at_once):
        assert answered == [host != SILENT] * 10


def forks(jobs):
    """Run each call in a forked child at the same time; return what each says (true or false)."""
    children = []
    go_at = time.monotonic() + 0.2
    for job in jobs:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads
            child = os.fork()
        if not child:
            code = 2
            try:
                time.sleep(max(0, go_at - time.monotonic()))
                code = 0 if job() else 1
            finally:
                os._exit(code)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def test_forked_and_threaded_workers_never_report_the_dead_alive_beside_the_living(probe):
    def answers(host):
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            jobs = [
                pool.submit(lambda: list(ping.stream(host, count=15, interval_s=0.01, timeout_s=0.3)))
                for _ in range(3)
            ]
            found = [one for job in jobs for one in job.result()]
        return [one.rtt_ms is not None for one in found]

    def workers():
        hosts = [ALIVE, SILENT, ALIVE, SILENT]
        return forks([lambda host=host: answers(host) == [host == ALIVE] * 45 for host in hosts])

    assert probe(workers) == [0, 0, 0, 0]


def test_the_test_above_would_catch_the_fault_it_is_there_for(probe):
    """The library's own ping, forked the same way, takes the living host's replies for the dead one's."""

    def workers():
        hosts = [ALIVE, SILENT, ALIVE, SILENT]
        jobs = [
            lambda host=host: icmplib.ping(host, count=5, interval=0.05, timeout=0.3).is_alive
            for host in hosts
        ]
        return forks(jobs)

    alive = [probe(workers) for _ in range(3)]
    assert any(code == 0 for codes in alive for code in codes[1::2])


# Root without its network rights: a nobody may be unable to enter the clone or run its Python.
WITHOUT_RIGHTS = ["/usr/bin/setpriv", "--bounding-set", "-net_raw,-net_admin"]


def unprivileged(probe, *arguments):
    """Run the command as nobody; returns its exit code, output and complaint."""
    done = probe(
        lambda: subprocess.run(
            [*WITHOUT_RIGHTS, sys.executable, "-m", "netdiag", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd="/",
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        )
    )
    return done.returncode, done.stdout, done.stderr


def allow_ping(probe, text):
    probe(lambda: Path("/proc/sys/net/ipv4/ping_group_range").write_text(text))


def test_without_privileges_the_kernels_ping_socket_does_the_same(probe):
    allow_ping(probe, "0 2147483647")
    try:
        for host, expected in ((ALIVE, 0), (BEYOND, 0), (SILENT, 3), (NOWHERE, 3), ("fd00:1::2", 0)):
            code, output, complaint = unprivileged(
                probe, "ping", host, "-c", "3", "-i", "0.02", "-W", "0.4", "-s", "1400", "--json"
            )
            assert code == expected, complaint
            *replies, summary = [json.loads(line) for line in output.splitlines()]
            assert summary["received"] == (0 if expected else 3)
            if host == NOWHERE:
                assert replies[0]["reason"] == f"network unreachable from {ROUTER}"
            if not expected:
                assert {one["size"] for one in replies} == {1408}
    finally:
        allow_ping(probe, "1 0")


def test_where_nothing_is_allowed_the_words_say_how_to_allow_it(probe):
    code, _, complaint = unprivileged(probe, "ping", ALIVE)
    assert code == 4
    assert "ping_group_range" in complaint
    assert "CAP_NET_RAW" in complaint


def test_this_process_knows_what_it_may_do(probe):
    assert probe(ping.access) == ping.PingAccess(True, "raw", "")
