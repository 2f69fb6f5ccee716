"""How long 10,000 lines take on a MikroTik router, by each door, against the router shipped for tests.

`python bench/gates/bench_routeros.py [RUNS]` prints a table. The router is a fake on loopback: the
figures are of our side and of the commands it takes, not of a router's processor.
"""

import sys
import time
from collections.abc import Callable
from statistics import median

import gates
from gates import LineAccess, testing_routeros
from gates.testing_routeros_tables import Router

LINES = 10_000
SINGLE = 50


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    certificate = testing_routeros.certificate()
    print("| way in | deed | runs | median | worst | commands |\n|---|---|---|---|---|---|")
    for door in ("api", "api-ssl", "rest"):
        router = Router()
        router.rule("/ip/firewall/filter", action="reject", src_address_list="linecard-closed")
        tls = None if door == "api" else certificate.context
        with testing_routeros.serving(router, "rest" if door == "rest" else "api", tls) as port:
            settings = {"host": "127.0.0.1", "port": port, "door": door, "password": "s3cret", "limit_s": 300}
            gate = gates.make("routeros", {**settings, "certificate": certificate.pin})
            _measure(gate, router, door, runs)


def _measure(gate: gates.Gate, router: Router, door: str, runs: int) -> None:
    lines = [LineAccess(n, (f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}",)) for n in range(1, LINES + 1)]
    deeds: dict[str, Callable[[], object]] = {
        f"cut {LINES}": lambda: gate.apply(dict.fromkeys(lines, "closed")),
        "the same again": lambda: gate.apply(dict.fromkeys(lines, "closed")),
        f"read {LINES}": lambda: gate.read(lines),
        f"restore {LINES}": lambda: gate.apply(dict.fromkeys(lines, "open")),
    }
    took: dict[str, list[float]] = {name: [] for name in deeds}
    commands: dict[str, int] = {}
    for _ in range(runs):
        for name, deed in deeds.items():
            commands[name] = _timed(deed, took[name], router)
    gate.apply(dict.fromkeys(lines[1:], "closed"))
    single = f"one line beside {LINES - 1} cut"
    took[single] = []
    for place in range(SINGLE):
        wish: gates.Access = "open" if place % 2 else "closed"
        commands[single] = _timed(lambda wish=wish: gate.apply({lines[0]: wish}), took[single], router)
    for name, found in took.items():
        times = f"{median(found):.3f} s | {max(found):.3f} s"
        print(f"| {door} | {name} | {len(found)} | {times} | {commands[name]} |")


def _timed(deed: Callable[[], object], took: list[float], router: Router) -> int:
    before, started = router.seen.total(), time.perf_counter()
    deed()
    took.append(time.perf_counter() - started)
    return router.seen.total() - before


if __name__ == "__main__":
    main()
