"""SNMP status of many devices, side by side: `python bench/net/bench_snmp.py [AGENTS] [ROUNDS]`.

System group and seven columns of 48 ports of each device, 200 devices at once, on the same fast agents
(agent_farm.py), clients in turn, each run a process of its own so that nothing is warm; medians. A device
counts as complete only with every value. Compared: gufo-snmp (Rust, asyncio; the dev group brings it),
Net-SNMP's snmpget and snmpbulkwalk (fewer devices: eight processes each), and prometheus-snmp-exporter. The
next table has 5 % of silent devices, the last what tshark counted. All in a network of this run's own.
"""

import asyncio
import concurrent.futures
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import agent_farm as farm  # noqa: E402
import ground  # noqa: E402

from netdiag.snmp import poll  # noqa: E402

try:
    from gufo.snmp import Aes128Key, Sha1Key, User
    from gufo.snmp.aio import SnmpSession
except ImportError:
    SnmpSession = None

AT_ONCE, PORTS, SILENT_PER_CENT = 200, 48, 5
NETSNMP_AGENTS = 60
# As patient as ours, which asks twice and waits 1.5 s each time.
TIMEOUT_S = 3.0
EXPORTER_PORT = 19116
ROWS = range(1, PORTS + 1)
PROGRAMS = ("ip", "prometheus-snmp-exporter", "snmpbulkwalk", "snmpget", "tshark")


def main(agents: int, rounds: int) -> int:
    print(ground.describe(*PROGRAMS), f"medians of {rounds} rounds", sep="; ")
    ground.enter_own()
    with running(farm_command(agents, 0)):
        compare(
            agents,
            rounds,
            ["ours 2c", "ours 3", "gufo 2c", "gufo 3", "exporter 2c", "netsnmp 2c", "netsnmp 3"],
        )
    with running(farm_command(agents, SILENT_PER_CENT)):
        compare(agents, rounds, ["ours 2c", "ours 3", "gufo 2c"], silent=SILENT_PER_CENT)
        truth(agents)
    return 0


def compare(agents: int, rounds: int, clients: list[str], silent: int = 0) -> None:
    found: dict[str, list[dict]] = {}
    for client in clients:
        if client.startswith("gufo") and SnmpSession is None:
            print(f"{client}: left out; pip install gufo-snmp", file=sys.stderr)
        else:
            found[client] = []
    for _ in range(rounds):
        for client, runs in found.items():
            number = min(agents, NETSNMP_AGENTS) if client.startswith("netsnmp") else agents
            words = [*ground.DIES_WITH_US, sys.executable, __file__, "--one", client, str(number)]
            done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=600)
            runs.append(json.loads(done.stdout))
    living = 100 - silent
    print(f"\n{agents} devices of {PORTS} ports, {silent} % silent, {AT_ONCE} at once, medians of {rounds}\n")
    print(
        "| client | devices | wall s | wall ms a device | CPU ms a device | x ours | complete | silent | MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for client, runs in found.items():
        middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        per_device = middle["wall_s"] / middle["devices"]
        base = found[f"ours {client.split()[1]}"]
        ours = statistics.median(run["wall_s"] / run["devices"] for run in base)
        worst = min(run["complete"] for run in runs)
        print(
            f"| {client} | {middle['devices']:.0f} | {middle['wall_s']:.2f} | {per_device * 1000:.2f} "
            f"| {middle['cpu_s'] / middle['devices'] * 1000:.2f} | {per_device / ours:.1f} "
            f"| {worst} of {middle['devices'] * living / 100:.0f} | {max(run['silent'] for run in runs)} "
            f"| {middle['memory_mb']:.0f} |"
        )


def truth(agents: int) -> None:
    """Count on the wire whom ours asked and who answered."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "snmp.pcap"
        with ground.capture(file, "lo", f"udp port {farm.PORT}"):
            complete, silent, _ = ours(agents, "2c")
        frames = ground.read_capture(file, "ip.src", "ip.dst", "udp.srcport")
    answers = [source for source, _, port in frames if port == str(farm.PORT)]
    asked = {target for _, target, port in frames if port != str(farm.PORT)}
    print("\n| ours 2c beside tshark | asked on the wire | answered there | requests | answers ", end="")
    print("| told complete | told silent |")
    print("|---|---|---|---|---|---|---|")
    print(
        f"| {agents} devices, {SILENT_PER_CENT} % silent | {len(asked)} | {len(set(answers))} "
        f"| {len(frames) - len(answers)} | {len(answers)} | {complete} | {silent} |"
    )


class running:  # noqa: N801
    """A farm that runs as long as the block."""

    def __init__(self, words: list[str]) -> None:
        environ = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=20)


def farm_command(agents: int, silent: int) -> list[str]:
    return [sys.executable, str(HERE / "agent_farm.py"), str(agents), str(PORTS), str(silent)]


# One client's run, in a process of its own.


def one(client: str, agents: int) -> None:
    name, version = client.split()
    run = {"ours": ours, "gufo": gufo, "exporter": exporter, "netsnmp": netsnmp}[name]
    started, cpu = time.monotonic(), cpu_s()
    complete, silent, extra = run(agents, version)
    print(
        json.dumps(
            {
                "devices": agents,
                "wall_s": extra.get("wall_s", time.monotonic() - started),
                "cpu_s": extra.get("cpu_s", cpu_s() - cpu),
                "complete": complete,
                "silent": silent,
                "memory_mb": extra.get(
                    "memory_mb",
                    max(
                        resource.getrusage(who).ru_maxrss
                        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
                    )
                    / 1024,
                ),
            }
        )
    )


def cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def ours(agents: int, version: str) -> tuple[int, int, dict]:
    wanted = poll.Wanted(farm.SYSTEM_OIDS, (farm.COLUMN_OIDS,))
    complete = silent = 0
    jobs = (poll.Job(farm.target(number, version), wanted) for number in range(agents))
    for result in poll.many(jobs, at_once=AT_ONCE):
        if result.error:
            silent += 1
            continue
        (rows,) = result.reading.tables
        is_whole = all(len(rows.get(str(row), ())) == len(farm.COLUMNS) for row in ROWS)
        complete += is_whole and None not in result.reading.values.values()
    return complete, silent, {}


def gufo(agents: int, version: str) -> tuple[int, int, dict]:
    counts = {"complete": 0, "silent": 0}
    gate = asyncio.Semaphore(AT_ONCE)
    user = None
    if version == "3":
        auth, priv = farm.USER.auth_key.encode(), farm.USER.priv_key.encode()
        user = User(farm.USER.name, auth_key=Sha1Key(auth), priv_key=Aes128Key(priv))

    async def read(number: int) -> None:
        async with gate:
            try:
                session = SnmpSession(
                    farm.address(number),
                    farm.PORT,
                    "public",
                    user=user,
                    timeout=TIMEOUT_S,
                    max_repetitions=50,
                )
                async with session:
                    system = await session.get_many(farm.SYSTEM_OIDS)
                    cells = 0
                    for column in farm.COLUMN_OIDS:
                        async for _oid, _value in session.getbulk(column):
                            cells += 1
            except TimeoutError:
                counts["silent"] += 1
                return
            counts["complete"] += len(system) == 6 and cells == PORTS * len(farm.COLUMNS)

    async def everybody() -> None:
        await asyncio.gather(*(read(number) for number in range(agents)))

    asyncio.run(everybody())
    return counts["complete"], counts["silent"], {}


def netsnmp(agents: int, version: str) -> tuple[int, int, dict]:
    user = farm.USER
    access = ["-v2c", "-c", "public"]
    if version == "3":
        access = ["-v3", "-l", "authPriv", "-u", user.name, "-a", "SHA", "-A", user.auth_key]
        access += ["-x", "AES", "-X", user.priv_key]

    def read(number: int) -> bool:
        peer = f"{farm.address(number)}:{farm.PORT}"
        lines = []
        jobs = [["snmpget", peer, *farm.SYSTEM_OIDS]]
        jobs += [["snmpbulkwalk", "-Cr50", peer, column] for column in farm.COLUMN_OIDS]
        for program, *words in jobs:
            argv = [program, *access, "-m", "", "-Oqn", *words]
            done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
            lines += done.stdout.splitlines()
        return len(lines) == 6 + PORTS * len(farm.COLUMNS)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(read, range(agents))), 0, {}


EXPORTER_MODULE = """bench:
  version: 2
  max_repetitions: 50
  auth:
    community: public
  walk:
{walks}
  get:
{gets}
  metrics:
{metrics}
"""
METRIC = """  - name: column{number}
    oid: {oid}
    type: {type}
    indexes:
    - labelname: ifIndex
      type: gauge
"""


def exporter(agents: int, version: str) -> tuple[int, int, dict]:
    with tempfile.TemporaryDirectory() as name:
        settings = Path(name) / "snmp.yml"
        settings.write_text(
            EXPORTER_MODULE.format(
                walks="\n".join(f"  - {oid}" for oid in farm.COLUMN_OIDS),
                gets="\n".join(f"  - {oid}" for oid in farm.SYSTEM_OIDS),
                metrics="".join(
                    METRIC.format(number=column, oid=oid, type="DisplayString" if column == 2 else "gauge")
                    for column, oid in zip(farm.COLUMNS, farm.COLUMN_OIDS, strict=True)
                ),
            )
        )
        words = [*ground.DIES_WITH_US, "prometheus-snmp-exporter", f"--config.file={settings}"]
        words.append(f"--web.listen-address=127.0.0.1:{EXPORTER_PORT}")
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return scrape_all(process.pid, agents)
        finally:
            process.terminate()
            process.wait(10)


def scrape_all(pid: int, agents: int) -> tuple[int, int, dict]:
    """Scrape by HTTP as Prometheus does; the CPU is the exporter's own, not the scraper's."""

    def scrape(number: int) -> bool:
        where = (
            f"http://127.0.0.1:{EXPORTER_PORT}/snmp?module=bench&target={farm.address(number)}:{farm.PORT}"
        )
        with urllib.request.urlopen(where, timeout=60) as answer:
            text = answer.read()
        return text.count(b"\ncolumn") == PORTS * len(farm.COLUMNS)

    for _ in range(100):
        try:
            if scrape(0):
                break
        except OSError:
            time.sleep(0.05)
    started, cpu = time.monotonic(), process_cpu_s(pid)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        complete = sum(pool.map(scrape, range(agents)))
    wall_s = time.monotonic() - started
    status = Path(f"/proc/{pid}/status").read_text()
    memory_mb = int(status.split("VmHWM:")[1].split()[0]) / 1024
    return complete, 0, {"wall_s": wall_s, "cpu_s": process_cpu_s(pid) - cpu, "memory_mb": memory_mb}


def process_cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], int(sys.argv[3]))
    else:
        sizes = [int(word) for word in sys.argv[1:]]
        ground.run(main, *(sizes + [1000, 5][len(sizes) :]), needs=PROGRAMS)
