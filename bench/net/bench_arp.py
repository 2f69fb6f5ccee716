"""ARP scans beside arp-scan: `python bench/net/bench_arp.py [ROUNDS]`.

A probe on a bridge with two hosts: one has a /20 but for the dead tenth, the other has five of its addresses
too. All is in network namespaces of this run, removed at its end. Ours is measured as a worker has it (the
socket kept, the process warm) and as a command (process start included). What tshark saw on the wire is
counted beside both.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import ground
from ground import ROOT, ip

RANGE, SMALL = "10.9.0.0/20", "10.9.0.0/24"
ADDRESSES = {RANGE: 4096, SMALL: 256}
TWINS = [f"10.9.1.{last}" for last in range(1, 10, 2)]
TIMEOUT_S = 0.5
PROGRAMS = ("arp-scan", "tshark", "ip")


def main(rounds: int) -> int:
    print(ground.describe(*PROGRAMS), f"medians of {rounds} rounds", sep="; ")
    with network() as (near, hosts):
        ground.enter(near)
        for dead in (0, 10):
            populate(hosts, dead)
            for scanned in (SMALL, RANGE):
                compare(scanned, dead, rounds)
        truth()
        one_address(rounds * 20)
    return 0


@contextmanager
def network() -> Iterator[tuple[str, str]]:
    with ground.namespaces("pht") as (near, hosts, twin):
        ip("-n", near, "link", "add", "br0", "type", "bridge")
        ip("-n", near, "link", "set", "br0", "address", "00:1b:21:00:00:01", "up")
        for port, name, mac in (("p1", hosts, "00:1b:21:00:00:02"), ("p2", twin, "00:1b:21:00:00:03")):
            ip("link", "add", port, "netns", near, "type", "veth", "peer", "name", "v0", "netns", name)
            ip("-n", near, "link", "set", port, "master", "br0", "up")
            ip("-n", name, "link", "set", "v0", "address", mac, "up")
        ip("-n", near, "addr", "add", "10.9.31.1/19", "dev", "br0")
        ip("-n", hosts, "addr", "add", "10.9.31.2/19", "dev", "v0")
        ip("-n", twin, "addr", "add", "10.9.31.3/19", "dev", "v0")
        for address in TWINS:
            ip("-n", twin, "addr", "add", f"{address}/32", "dev", "v0")
        try:
            yield near, hosts
        finally:
            from netdiag import packet

            packet.close()


def populate(hosts: str, dead_percent: int) -> None:
    """Give the one host the whole range but for the dead, which are spread evenly."""
    lines = [f"route replace local {RANGE} dev lo table local"]
    if dead_percent:
        every = 100 // dead_percent
        lines += [f"route replace unreachable {address(n)} table local" for n in range(0, 4096, every)]
    ip("-n", hosts, "-batch", "-", batch="\n".join(lines))


def address(number: int) -> str:
    return f"10.9.{number >> 8}.{number & 255}"


Measured = tuple[float, float, int, int]


def peer(scanned: str, retry: int) -> Measured:
    """arp-scan at full rate: wall s, CPU s, addresses that answered, of them by two MACs."""
    words = ["arp-scan", "-I", "br0", "-q", "-x", "-B", "1000M", f"-t{TIMEOUT_S * 1000:.0f}", f"-r{retry}"]
    return run([*words, scanned], lambda text: [line.split("\t")[:2] for line in text.splitlines()])


def command(scanned: str, probes: int) -> Measured:
    words = [sys.executable, "-m", "netdiag", "scan", scanned, "-c", str(probes), "--rate", "0", "--json"]

    def read(text: str) -> list[list[str]]:
        return [[one["address"], seen["mac"]] for one in json.loads(text)["hosts"] for seen in one["macs"]]

    return run(words, read)


def run(words: list[str], read: Callable[[str], list[list[str]]]) -> Measured:
    before, started = os.times(), time.monotonic()
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT, timeout=120)
    wall_s, after = time.monotonic() - started, os.times()
    cpu_s = after[2] + after[3] - before[2] - before[3]
    macs: dict[str, set[str]] = {}
    for found, mac in read(done.stdout):
        macs.setdefault(found, set()).add(mac)
    return wall_s, cpu_s, len(macs), sum(len(seen) > 1 for seen in macs.values())


def ours(scanned: str, probes: int) -> Measured:
    from netdiag import arp_scan

    before, started = time.process_time(), time.monotonic()
    found = arp_scan.scan([scanned], probes=probes, timeout_s=TIMEOUT_S, rate_per_s=None)
    wall_s, cpu_s = time.monotonic() - started, time.process_time() - before
    return wall_s, cpu_s, len(found.hosts), sum(one.is_duplicate for one in found.hosts)


def compare(scanned: str, dead_percent: int, rounds: int) -> None:
    ways: dict[str, Callable[[], Measured]] = {
        "arp-scan, 1 probe": lambda: peer(scanned, 1),
        "arp-scan, 2 probes": lambda: peer(scanned, 2),
        "ours in a warm worker, 1 probe": lambda: ours(scanned, 1),
        "ours in a warm worker, 2 probes": lambda: ours(scanned, 2),
        "ours as a command, 1 probe": lambda: command(scanned, 1),
    }
    ours(scanned, 1)
    found: dict[str, list[Measured]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(way())
    dead = len(range(0, ADDRESSES[scanned], 100 // dead_percent)) if dead_percent else 0
    # A twin's address answers even where the range's host is dead.
    twins_dead = sum(int(one.rpartition(".")[2]) + 256 in range(0, 4096, 10) for one in TWINS)
    alive = ADDRESSES[scanned] - dead + (twins_dead if dead_percent and scanned == RANGE else 0)
    base = statistics.median(one[0] for one in found["arp-scan, 1 probe"])
    print(f"\n{scanned}, {dead_percent} % dead, {alive} alive, full rate, medians of {rounds}\n")
    print("| tool | wall s | ratio | CPU s | missed (worst) | duplicates told |")
    print("|---|---|---|---|---|---|")
    for name, runs in found.items():
        wall, cpu = (statistics.median(one[place] for one in runs) for place in (0, 1))
        missed, twice = alive - min(one[2] for one in runs), min(one[3] for one in runs)
        print(f"| {name} | {wall:.3f} | {wall / base:.2f} | {cpu:.3f} | {missed} | {twice} |")


def truth() -> None:
    """Count on the wire what both asked and who answered, apart from the twins that answer twice."""
    print(f"\n| {RANGE}, 10 % dead, 1 probe, beside tshark | asked on the wire | answered there | told |")
    print("|---|---|---|---|")
    for name, way in (("arp-scan", lambda: peer(RANGE, 1)), ("ours", lambda: ours(RANGE, 1))):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "arp.pcap"
            with ground.capture(file, "br0", "arp"):
                told = way()[2]
            frames = ground.read_capture(file, "arp.opcode", "arp.src.proto_ipv4", "arp.dst.proto_ipv4")
        own = "10.9.31.1"
        asked = {target for kind, sender, target in frames if kind == "1" and sender == own}
        answered = {sender for kind, sender, _ in frames if kind == "2" and sender != own}
        print(f"| {name} | {len(asked)} | {len(answered & asked)} | {told} |", flush=True)


def one_address(rounds: int) -> None:
    """Time to the first answer of one living address in a warm worker, by each of our ways."""
    from netdiag import arp_client, arp_scan, neighbours

    ways: dict[str, Callable[[], object]] = {
        "the kept socket": lambda: arp_scan.who_has(address(257)),
        "the ARP program (scapy), first answer": lambda: arp_client.lookup(address(257), is_first=True),
        "the kernel's table": lambda: neighbours.kernel("10.9.31.2", wait_s=1.0),
    }
    print(f"\nOne address that answers, {rounds} times in a warm worker\n")
    print("| way | median ms | worst ms |")
    print("|---|---|---|")
    try:
        for name, way in ways.items():
            way()
            took = []
            for _ in range(rounds):
                started = time.monotonic()
                way()
                took.append((time.monotonic() - started) * 1000)
            print(f"| {name} | {statistics.median(took):.2f} | {max(took):.2f} |")
    finally:
        arp_client.stop()


if __name__ == "__main__":
    ground.run(main, int((sys.argv[1:] or ["5"])[0]), needs=PROGRAMS)
