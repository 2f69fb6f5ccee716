"""A Linux gateway between 10,000 customers and the net: cut, flushed, told again, restored; packets counted.

    python bench/net/bench_gate.py [CUSTOMERS]

First the gate by itself, then the whole sweep with its database. Network and database are this run's own.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ground
from pydantic import SecretStr

import gates
from core import clock, secrets
from core.settings import Settings
from gates import Access, LineAccess
from linecard import embedded, migrate
from tasks.runtime import Runtime
from tests import gateway_lines, gateway_round, gateway_town
from tests.gateway_town import Town, home

TURNS = 5


def alone(town: Town, count: int) -> None:
    """Time the gate's own calls and print them."""
    gate = gates.make("nftables", {"namespace": town.gateway, "garden4": gateway_town.GARDEN4})
    lines = [LineAccess(number, (home(number),)) for number in range(1, count + 1)]
    took: dict[str, list[float]] = {}

    def timed(name: str, call: Callable[[], object]) -> None:
        began = time.monotonic()
        call()
        took.setdefault(name, []).append(time.monotonic() - began)

    def tell(access: Access, some: list[LineAccess]) -> Callable[[], object]:
        return lambda: gate.apply(dict.fromkeys(some, access))

    for _ in range(TURNS):
        timed(f"close {count:,} in one transaction", tell("closed", lines))
        timed(f"read {count:,} back", lambda: gate.read(lines))
        timed(f"epoch beside {count:,}", gate.epoch)
        for _ in range(TURNS):
            timed(f"open one beside {count:,}", tell("open", lines[:1]))
            timed(f"close one beside {count:,}", tell("closed", lines[:1]))
        timed(f"move {count:,} to the garden", tell("walled", lines))
        timed(f"open {count:,}", tell("open", lines))
    print("| the gate by itself | times | median s | worst s |\n|---|---|---|---|")
    for name, seconds in took.items():
        print(f"| {name} | {len(seconds)} | {statistics.median(seconds):.3f} | {max(seconds):.3f} |")
    town.nft("flush", "ruleset")


def whole(town: Town, count: int) -> int:
    """Play the round through the sweep and print it; returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="lc-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        settings = Settings.model_validate(
            {
                "web": {"secret_key": "x" * 43},
                "data": {"folder": folder},
                "secrets": {"keys": [secrets.new_key()]},
            }
        )
        with embedded.attached(settings) as urls:
            migrate.upgrade(urls.database)
            own = {"database_url": SecretStr(urls.database), "queue_url": SecretStr(urls.queue)}
            runtime = Runtime(settings.model_copy(update={"data": settings.data.model_copy(update=own)}))
            try:
                with runtime.database.transaction() as session:
                    today = clock.today(settings.isp.time_zone)
                    options = {"namespace": town.gateway}
                    people = count + gateway_round.SPARED
                    gateway_lines.fill(session, people, today, kind="nftables", options=options)
                found = gateway_round.play(town, runtime, count)
            finally:
                runtime.close()
    print("\n| the sweep | s | own packets came back (of) | reached from the net (of) |\n|---|---|---|---|")
    for name, seconds in found.seconds.items():
        cells = [
            f"{there[name][0]:,} ({there[name][1]:,})" if name in there else ""
            for there in (found.out, found.into)
        ]
        print(f"| {name} | {seconds:.2f} | {cells[0]} | {cells[1]} |")
    print(f"\nSpared and pinged all the while: {gateway_round.SPARED}.", end=" ")
    print(f"Pings sent {found.pings:,}, lost {found.lost}.")
    print(f"Lines astray when read back: {found.astray}; homes not as they should be: {len(found.wrong)}.")
    return 1 if found.lost or found.astray or found.wrong else 0


def main(count: int) -> int:
    """Run both and print; returns the exit code."""
    print(ground.describe("ip", "nft"))
    with gateway_town.build(f"b{os.urandom(3).hex()}") as town:
        alone(town, count)
        return whole(town, count)


if __name__ == "__main__":
    ground.run(main, int((sys.argv[1:] or ["10000"])[0]), needs=("ip", "nft"))
