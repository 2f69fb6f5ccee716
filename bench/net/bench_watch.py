"""A full round over 10,000 customers and 500 devices in 3 POPs: time, CPU, memory, rows, lag.

    python bench/net/bench_watch.py [ROUNDS]

Everybody has an address in 127/8, which answers by itself; network and database are this run's own.
"""

import contextlib
import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import ground
import structlog
from sqlalchemy import select, text, update

from core import clock, secrets
from core.settings import Settings
from linecard import embedded, migrate
from registry import testing
from registry.models import DeviceRole, WatchRound
from tasks import watch
from tasks.runtime import Runtime

POPS = ("core", "north", "harbour")
CUSTOMERS, DEVICES = 10_000, 500


def fill(runtime: Runtime) -> None:
    """Write the town: each POP a network and its share of devices and customers."""
    with runtime.database.transaction() as session:
        for place, code in enumerate(POPS):
            pop = testing.pop(session, code)
            net = testing.network(session, f"127.{10 + place}.0.0/16", pop_id=pop.id)
            kind = testing.device(
                session, f"rt-{code}", role=DeviceRole.ROUTER, address=f"127.{20 + place}.0.1", pop_id=pop.id
            )
            session.execute(
                text(
                    "INSERT INTO devices (name, type_id, pop_id, parent_id, address)"
                    " SELECT :code || n, :type, :pop, :parent, ('127.' || :third || '.1.0')::inet + n"
                    " FROM generate_series(1, :count) n"
                ),
                {
                    "code": code,
                    "type": kind.type_id,
                    "pop": pop.id,
                    "parent": kind.id,
                    "third": 20 + place,
                    "count": DEVICES // 3,
                },
            )
            owner = testing.customer(session, code)
            session.execute(
                text(
                    "INSERT INTO ip_addresses (address, network_id, customer_id)"
                    " SELECT ('127.' || :third || '.0.0')::inet + n, :net, :owner"
                    " FROM generate_series(1, :count) n"
                ),
                {"third": 10 + place, "net": net.id, "owner": owner.id, "count": CUSTOMERS // 3},
            )


def _due(runtime: Runtime) -> None:
    with runtime.database.transaction() as session:
        session.execute(
            update(WatchRound).values(due_at=clock.now() - timedelta(milliseconds=1), asked_at=None)
        )


def measure(runtime: Runtime) -> dict[str, Any]:
    """Do a round of every POP, three at a time as three workers would, and say what it cost."""
    _due(runtime)
    calls: list[tuple[str, str]] = []
    watch.call(runtime, lambda pop, kind, *_: calls.append((pop, kind)))
    before, servers_before = resource.getrusage(resource.RUSAGE_SELF), servers_cpu_s()
    began = time.monotonic()
    with structlog.testing.capture_logs() as lines, ThreadPoolExecutor(3) as pool:
        list(
            pool.map(
                lambda one: watch.do_round(runtime, *one), [one for one in calls if one[1] != "counters"]
            )
        )
    took_s = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    with runtime.database.reading() as session:
        rounds = [row for row in session.scalars(select(WatchRound)) if row.kind.value != "counters"]
        targets, answered = sum(row.targets for row in rounds), sum(row.answered for row in rounds)
        lag_s = max(row.lag_s or 0.0 for row in rounds)
    return {
        "targets": targets,
        "answered": answered,
        "took_s": took_s,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "servers_cpu_s": servers_cpu_s() - servers_before,
        "rss_mb": after.ru_maxrss / 1024,
        "rows": sum(line["rows"] for line in lines if line["event"] == "round_done"),
        "lag_s": lag_s,
    }


def servers_cpu_s() -> float:
    """Return the CPU seconds of PostgreSQL and Valkey: of all in this network but this process."""
    own, total = Path("/proc/self/ns/net").stat().st_ino, 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(folder.name) != os.getpid() and (folder / "ns/net").stat().st_ino == own:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                # Its own, and of children that have ended (proc(5)).
                total += sum(map(int, fields[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


def main(rounds: int) -> int:
    """Run and print; returns the exit code."""
    print(ground.describe("ip"))
    ground.enter_own()
    with tempfile.TemporaryDirectory(prefix="lc-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        settings = Settings.model_validate(
            {
                "web": {"secret_key": "x" * 43},
                "data": {"folder": folder},
                "secrets": {"keys": [secrets.new_key()]},
                "watch": {"packets_per_second": 5000},
            }
        )
        with embedded.attached(settings) as urls:
            migrate.upgrade(urls.database)
            data = settings.data.model_copy(
                update={"database_url": _secret(urls.database), "queue_url": _secret(urls.queue)}
            )
            runtime = Runtime(settings.model_copy(update={"data": data}))
            fill(runtime)
            watch.call(runtime, lambda *_: None)
            found = [measure(runtime) for _ in range(rounds)]
            runtime.close()
    print(
        "| round | targets | answered | took s | worker's CPU s | PostgreSQL's and Valkey's CPU s "
        "| share of both cores at a round each 300 s | worker's memory MB | rows written | rows/s | lag s |"
    )
    print("|---" * 11 + "|")
    for number, one in enumerate(found, 1):
        share = 100 * (one["cpu_s"] + one["servers_cpu_s"]) / (300 * (os.cpu_count() or 1))
        print(
            f"| {number} | {one['targets']:,} | {one['answered']:,} | {one['took_s']:.1f}"
            f" | {one['cpu_s']:.2f} | {one['servers_cpu_s']:.2f} | {share:.2f} %"
            f" | {one['rss_mb']:.0f} | {one['rows']:,} | {one['rows'] / one['took_s']:,.0f}"
            f" | {one['lag_s']:.2f} |"
        )
    return 0


def _secret(url: str) -> Any:
    from pydantic import SecretStr

    return SecretStr(url)


if __name__ == "__main__":
    ground.run(main, int((sys.argv[1:] or ["4"])[0]), needs=("ip",))
