"""A whole round at a real gateway: everybody is cut and restored by the sweep, and packets say what was so.

Shared by the test, with a thousand customers, and by the bench, with ten thousand.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from core import clock
from tasks import access
from tasks.runtime import Runtime
from tests import gateway_lines
from tests.gateway_pings import Pings
from tests.gateway_town import Town, call, home, speak

SPARED = 50


@dataclass
class Round:
    """What came out: seconds of each step, who got through after it, and the pings of those spared.

    `out` and `into` are counts of homes: those whose own packets came back from the net, and those that the
    net reached. Beside them stands how many should.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    out: dict[str, tuple[int, int]] = field(default_factory=dict)
    into: dict[str, tuple[int, int]] = field(default_factory=dict)
    wrong: set[str] = field(default_factory=set)
    astray: int = 0
    pings: int = 0
    lost: int = 0


def play(town: Town, runtime: Runtime, count: int) -> Round:
    """Cut `count` customers and restore them, the gateway's rules flushed in between; `SPARED` more are not.

    The database holds all of them, lines 1 to `count` + `SPARED`, none of which was told yet.
    """
    today = clock.today(runtime.settings.isp.time_zone)
    cut = list(range(1, count + 1))
    everybody = frozenset(home(number) for number in range(1, count + SPARED + 1))
    spared = frozenset(home(number) for number in range(count + 1, count + SPARED + 1))
    found = Round()

    def step(name: str, what: Callable[[], object], passing: frozenset[str]) -> None:
        began = time.monotonic()
        what()
        found.seconds[name] = time.monotonic() - began
        out, into = speak(town, everybody), call(town, everybody)
        found.out[name], found.into[name] = (len(out), len(passing)), (len(into), len(passing))
        found.wrong |= (out ^ passing) | (into ^ passing)

    step("told for the first time", lambda: access.sweep(runtime), everybody)
    pings = Pings(town, spared)
    try:
        with runtime.database.transaction() as session:
            gateway_lines.cut(session, cut, today)
        step("cut", lambda: access.sweep(runtime), spared)
        step("flushed", lambda: town.nft("flush", "ruleset"), everybody)
        with runtime.database.transaction() as session:
            gateway_lines.look_at_gates_now(session)
        step("noticed and told again", lambda: access.sweep(runtime), spared)
        began = time.monotonic()
        found.astray = len(access.observe(runtime))
        found.seconds["read back"] = time.monotonic() - began
        with runtime.database.transaction() as session:
            gateway_lines.restore(session, cut, today)
        step("restored", lambda: access.sweep(runtime), everybody)
    finally:
        found.pings, found.lost = pings.end()
    return found
