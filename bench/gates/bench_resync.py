"""10,000 lines at one nftables gateway: cut, told again after it lost its ruleset, read back, let in again.

The worker's own jobs (tasks.access.sweep and observe) on a PostgreSQL of their own and a gateway in a network
namespace. `told again` counts from the sweep that notices the loss, its reading of the gate's epoch included.
Needs root, ip and nft; ends with 1 when that takes five seconds or more.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sqlalchemy import func, insert, select, text, update

import gates
from bench.billing import town
from bench.net import ground
from billing import suspensions
from billing.models import LockReason, Subscription
from core import clock
from core.settings import Settings
from linecard import embedded
from registry import audit, line_gates, testing
from registry.models import Customer, CustomerStatus, IpAddress, Line, LineGate
from tasks import access
from tasks.runtime import Runtime

LINES = 10_000
TARGET_S = 5.0
ACTOR = audit.Actor(None, "bench")


@contextmanager
def filled(folder: Path, namespace: str) -> Iterator[tuple[Runtime, list[int]]]:
    """Yield a worker's runtime on a database with LINES lines at one gate, and their subscriptions."""
    with embedded.serving(folder, throwaway=True) as urls:
        town.fill(urls.database, LINES)
        data = {"database_url": urls.database, "queue_url": urls.queue}
        settings = Settings.model_validate({"web": {"secret_key": "b" * 40}, "data": data})
        runtime = Runtime(settings)
        with runtime.database.transaction() as session:
            options = {"namespace": namespace}
            line_gates.create(session, ACTOR, name="gw", kind="nftables", options=options, is_default=True)
            network_id = testing.network(session, "10.62.0.0/16").id
            account_id = Subscription.account_id
            firsts = select(account_id, func.min(Subscription.id)).group_by(account_id).order_by(account_id)
            found = session.execute(firsts).all()
            people = [
                {"number": f"B{account}", "sort_name": f"b{account:05}", "last_name": f"Person {account}",
                 "account_id": account, "status": CustomerStatus.CONNECTED}
                for account, _ in found
            ]  # fmt: skip
            session.execute(insert(Customer), people)
            customer_of = dict(session.execute(select(Customer.account_id, Customer.id)).all())
            session.execute(
                insert(Line),
                [{"subscription_id": key, "customer_id": customer_of[account]} for account, key in found],
            )
            homes = [
                {"address": f"10.62.{place // 250}.{place % 250 + 1}", "network_id": network_id,
                 "customer_id": customer_of[account]}
                for place, (account, _) in enumerate(found)
            ]  # fmt: skip
            session.execute(insert(IpAddress), homes)
            session.execute(text("DELETE FROM suspension_locks"))
        with runtime.database.transaction() as session:
            session.execute(text("ANALYZE"))
        yield runtime, [key for _, key in found]
        runtime.close()


def timed(name: str, act: Callable[[], object]) -> float:
    """Do it, print how long it took, and return that; seconds."""
    began = time.monotonic()
    act()
    took = time.monotonic() - began
    print(f"{name:52} {took:6.2f} s", flush=True)
    return took


def measure(runtime: Runtime, ids: list[int], namespace: str) -> int:
    """Cut, lose, tell again, read back, let in; return the exit code."""
    gateway, today = gates.make("nftables", {"namespace": namespace}), clock.now().date()

    def holds(count: int) -> None:
        held = gateway.held() or {}
        assert len(held) == count, f"the gateway holds {len(held)} addresses, not {count}"

    def sweep() -> None:
        with runtime.database.transaction() as session:
            session.execute(update(LineGate).values(epoch_read_at=None))
        access.sweep(runtime)

    with runtime.database.transaction() as session:
        suspensions.place(session, ids, LockReason.DEBT, owner="bench", today=today)
    timed(f"{LINES} lines cut", sweep)
    holds(LINES)
    took = []
    for _ in range(3):
        subprocess.run(["ip", "netns", "exec", namespace, "nft", "flush", "ruleset"], check=True, timeout=30)
        took.append(timed("told again after the ruleset was lost", sweep))
        holds(LINES)
    timed("nothing to tell, the epoch read", sweep)
    timed("read back", lambda: access.observe(runtime))
    with runtime.database.transaction() as session:
        suspensions.lift(session, ids, LockReason.DEBT, by="bench", today=today)
    timed(f"{LINES} lines let in again", sweep)
    holds(0)
    return 0 if max(took) < TARGET_S else 1


def main() -> int:
    """Make the ground and measure."""
    print(ground.describe("nft", "ip"))
    with tempfile.TemporaryDirectory(prefix="lc-") as name, ground.namespaces("g") as (namespace,):
        Path(name).chmod(0o755)
        with filled(Path(name), namespace) as (runtime, ids):
            return measure(runtime, ids, namespace)


if __name__ == "__main__":
    ground.run(main, needs=("ip", "nft"))
