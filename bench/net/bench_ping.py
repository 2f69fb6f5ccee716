"""Sweeps and live pings beside fping and icmplib: `python bench/net/bench_ping.py [ROUNDS [SIZE ...]]`.

A probe and, over a veth pair, a machine that holds a whole prefix; a tenth of it is dropped where it says
so. Both are network namespaces of this run, removed at its end. Ours is measured as a worker has it (warm
process) and as a command (start of Python included). Programs run by turns; the tables show medians. Counts
and round trips are compared with those tshark saw, in runs of their own.
"""

import asyncio
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import ground
import icmplib
from ground import ROOT, ip

from netdiag import ping, sweep

SIZES = (1_000, 10_000, 50_000)
GATEWAY = "10.66.255.254"
LIVE = "10.67.0.1"
LIVE_COUNT = 40
DEAD = "{ " + ", ".join(map(str, range(10, 251, 10))) + " }"
PROGRAMS = ("fping", "tshark", "nft", "ip")
# A short run is spoilt by a neighbour on the machine more easily: more of them.
MORE_ROUNDS = {1_000: 2}


def main(rounds: int, sizes: tuple[int, ...]) -> int:
    print(ground.describe(*PROGRAMS), f"medians of {rounds} rounds", sep="; ")
    with tempfile.TemporaryDirectory() as name, network() as (near, far):
        ground.enter(near)
        folder = Path(name)
        print(
            "| addresses | dead | probes | fping wall s | ours | ratio | fping CPU us/probe | ours | ratio ",
            end="",
        )
        print("| as a command: wall s | CPU us/probe | lost by fping | by ours |")
        print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
        for size in sizes:
            for dead in (False, True):
                let_die(far, dead)
                for probes in (1, 3):
                    compare(folder, size, dead, probes, rounds * MORE_ROUNDS.get(size, 1))
        let_die(far, False)
        truth_of_sweeps(folder, [size for size in sizes if size <= 10_000])
        truth_of_live_pings(folder)
        footprint(folder, max(sizes))
    return 0


@contextmanager
def network() -> Iterator[tuple[str, str]]:
    with ground.namespaces("pf") as (near, far):
        ip("link", "add", "v0", "netns", near, "type", "veth", "peer", "name", "v0", "netns", far)
        for name, address in ((near, "10.66.0.1/16"), (far, f"{GATEWAY}/16")):
            ip("-n", name, "addr", "add", address, "dev", "v0")
            ip("-n", name, "link", "set", "v0", "up")
        ip("-n", near, "route", "add", "10.67.0.0/16", "via", GATEWAY)
        ip("-n", far, "route", "add", "local", "10.67.0.0/16", "dev", "lo")
        yield near, far


def let_die(far: str, is_dead: bool) -> None:
    """Drop every tenth address, or none."""
    rules = "table ip dead\ndelete table ip dead\n"
    if is_dead:
        chain = f"type filter hook prerouting priority -300; ip daddr 10.67.0.0/16 @nh,152,8 {DEAD} drop"
        rules += f"table ip dead {{ chain pre {{ {chain}; }}; }}\n"
    subprocess.run(["ip", "netns", "exec", far, "nft", "-f", "-"], input=rules, text=True, check=True)


def addresses(size: int) -> list[str]:
    return [f"10.67.{number // 250}.{number % 250 + 1}" for number in range(size)]


def cost(call: Callable[[], int], who: int) -> tuple[float, float, int]:
    """Return wall seconds, CPU seconds, and what the call returns."""
    before, started = resource.getrusage(who), time.perf_counter()
    answered = call()
    wall, after = time.perf_counter() - started, resource.getrusage(who)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, answered


def fping(file: Path, probes: int) -> int:
    """Return how many answers fping got; it cannot do 3 x 50,000 in one run, so then it runs three times."""
    size = int(file.stem)
    runs = [probes] if size * probes < 65536 else [1] * probes
    answered = 0
    for one in runs:
        words = ["fping", "-i0", "-t1000", "-q", f"-C{one}", "-f", str(file)]
        said = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False).stderr
        lines = [line.partition(" : ")[2].split() for line in said.splitlines() if " : " in line]
        assert len(lines) == size, said[:500]
        answered += sum(value != "-" for line in lines for value in line)
    return answered


def command(file: Path, probes: int) -> int:
    words = [sys.executable, "-m", "netdiag", "sweep", "-f", str(file), "-c", str(probes), "--pace", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run(
        words, capture_output=True, text=True, timeout=60, check=False, env=environment
    ).stdout
    return sum(
        round(probes * (1 - float(line.split(", ")[1].split()[0]) / 100)) for line in said.splitlines()
    )


def compare(folder: Path, size: int, dead: bool, probes: int, rounds: int) -> None:
    targets, file = addresses(size), folder / f"{size}.txt"
    file.write_text("\n".join(targets))
    living = sum(not dead or int(one.rsplit(".", 1)[1]) % 10 != 0 for one in targets) * probes
    runs = {
        "fping": (lambda: fping(file, probes), resource.RUSAGE_CHILDREN),
        "ours": (
            lambda: sum(one.received for one in sweep.sweep(targets, probes=probes, pace_s=0)),
            resource.RUSAGE_SELF,
        ),
        "command": (lambda: command(file, probes), resource.RUSAGE_CHILDREN),
    }
    sweep.sweep(targets[:100])
    found: dict[str, list[tuple[float, float, int]]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, (call, who) in runs.items():
            found[name].append(cost(call, who))
    wall = {name: statistics.median(one[0] for one in all_) for name, all_ in found.items()}
    each = {
        name: statistics.median(one[1] for one in all_) / size / probes * 1e6 for name, all_ in found.items()
    }
    lost = {name: sum(living - one[2] for one in all_) for name, all_ in found.items()}
    is_split = "*" if size * probes >= 65536 else ""
    print(
        f"| {size:,} | {10 if dead else 0} % | {probes} | {wall['fping']:.3f}{is_split} | {wall['ours']:.3f} "
        f"| {wall['ours'] / wall['fping']:.2f} | {each['fping']:.2f} | {each['ours']:.2f} "
        f"| {each['ours'] / each['fping']:.2f} | {wall['command']:.3f} | {each['command']:.2f} "
        f"| {lost['fping']} | {lost['ours']} |",
        flush=True,
    )


def seen(file: Path) -> tuple[int, dict[tuple[str, int], float]]:
    """Return how many echoes were on the wire, and the round trips in ms by address and sequence."""
    frames = ground.read_capture(file, "frame.time_epoch", "ip.src", "ip.dst", "icmp.type", "icmp.seq")
    sent: dict[tuple[str, int], float] = {}
    found = {}
    for at, source, target, kind, sequence in frames:
        if kind == "8":
            sent[target, int(sequence)] = float(at)
        elif kind == "0" and (source, int(sequence)) in sent:
            found[source, int(sequence)] = (float(at) - sent[source, int(sequence)]) * 1000
    return len(sent), found


def spread(errors: list[float]) -> str:
    """Put errors (ms) into microseconds: median, median and 95 % of their size."""
    size = sorted(abs(one) for one in errors)
    return (
        f"{statistics.median(errors) * 1000:.1f} | {statistics.median(size) * 1000:.1f} "
        f"| {size[int(len(size) * 0.95)] * 1000:.1f} | {len(errors)}"
    )


def truth_of_sweeps(folder: Path, sizes: list[int]) -> None:
    print("\n| a sweep beside tshark | sent on the wire | answered there | told by the tool ", end="")
    print("| round trips: median error us | size, median | p95 | compared |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for size in sizes:
        targets, file = addresses(size), folder / f"{size}.txt"

        def ours(pace_s: float, targets: list[str] = targets) -> dict[str, float]:
            found = sweep.sweep(targets, pace_s=pace_s)
            return {one.address: one.rtt_avg_ms for one in found if one.rtt_avg_ms is not None}

        def theirs(file: Path = file) -> dict[str, float]:
            words = ["fping", "-i0", "-t1000", "-q", "-C1", "-f", str(file)]
            said = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False).stderr
            rows = [line.split(" : ") for line in said.splitlines() if " : " in line]
            return {one.strip(): float(rtt) for one, rtt in rows if rtt.strip() != "-"}

        for name, measure in (
            ("ours, pace 0", lambda: ours(0.0)),
            ("ours, default pace", lambda: ours(0.00002)),
            ("fping", theirs),
        ):
            with ground.capture(folder / "sweep.pcap", "v0", "icmp"):
                found = measure()
            sent, pairs = seen(folder / "sweep.pcap")
            wire = {address: rtt for (address, _), rtt in pairs.items()}
            errors = [rtt - wire[one] for one, rtt in found.items() if one in wire]
            counts = f"{sent} | {len(wire)} | {len(found)}"
            print(f"| {name}, {size:,} | {counts} | {spread(errors)} |", flush=True)


async def busy(until: float) -> None:
    """Keep the event loop busy, 20 ms at a time."""
    while time.monotonic() < until:
        end = time.monotonic() + 0.02
        while time.monotonic() < end:
            pass
        await asyncio.sleep(0)


def truth_of_live_pings(folder: Path) -> None:
    print(
        "\n| live, in a busy event loop, against tshark's | median error us | size, median | p95 | compared |"
    )
    print("|---|---:|---:|---:|---:|")

    async def ours() -> list[float | None]:
        load = asyncio.create_task(busy(time.monotonic() + LIVE_COUNT * 0.05 + 0.5))
        stream = ping.stream_async(LIVE, count=LIVE_COUNT, interval_s=0.05)
        found = [one.rtt_ms async for one in stream]
        await load
        return found

    async def theirs() -> list[float | None]:
        load = asyncio.create_task(busy(time.monotonic() + LIVE_COUNT * 0.05 + 0.5))
        host = await icmplib.async_ping(LIVE, count=LIVE_COUNT, interval=0.05, timeout=1)
        await load
        return list(host.rtts)

    for name, measure in (("ours", ours), ("icmplib", theirs)):
        with ground.capture(folder / "live.pcap", "v0", "icmp"):
            found = asyncio.run(measure())
        wire = list(seen(folder / "live.pcap")[1].values())
        errors = [one - rtt for one, rtt in zip(found, wire, strict=True) if one is not None]
        mean = statistics.fmean(abs(one) for one in errors) * 1000
        print(f"| {name} (mean of its size {mean:.1f} us) | {spread(errors)} |", flush=True)


def footprint(folder: Path, size: int) -> None:
    """Show what a process needs that sweeps the most addresses."""
    script = (
        "import os, sys; from netdiag import icmp, sweep\n"
        "class Watched(icmp.SocketChannel):\n"
        "    def close(self):\n"
        "        print(len(os.listdir('/proc/self/fd')) - 1, 'descriptors,', end=' ')\n"
        "        super().close()\n"
        "addresses = open(sys.argv[1]).read().split()\n"
        "sweep.sweep(addresses, pace_s=0, open_channel=lambda v: Watched(v, is_wide=True))\n"
        # getrusage would tell the size of this process, which is larger
        "status = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        "print(int(status['VmHWM'].split()[0]) // 1024, 'MB')"
    )
    words = [sys.executable, "-c", script, str(folder / f"{size}.txt")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run(
        words, check=True, capture_output=True, text=True, env=environment, timeout=60
    ).stdout
    print(f"\nA process that sweeps {size:,} addresses: {said.strip()}.")
    print("Where nobody is dead fping still waits its period of a second between two probes of an address.")
    if size * 3 >= 65536:
        print("* fping has sequence numbers for one round of these only, so it was run three times.")


if __name__ == "__main__":
    asked_for = int((sys.argv[1:] or ["3"])[0])
    ground.run(main, asked_for, tuple(map(int, sys.argv[2:])) or SIZES, needs=PROGRAMS)
