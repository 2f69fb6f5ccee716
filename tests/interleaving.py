"""Writers that take turns statement by statement, in a drawn order, on real connections.

Each writer is a thread that stops before every statement and every commit until it is told to go on. Who waits
for a lock of PostgreSQL is seen in pg_blocking_pids, and passed over until the lock is his: so an order is what
was drawn, and repeats.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Engine, create_engine, event, text

GIVE_UP_S = 60.0


class Interleaving:
    """Runs writers on one engine; `order` says again and again who goes on next, for how many statements."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.watcher = create_engine(engine.url, isolation_level="AUTOCOMMIT", pool_size=1)
        self.here = threading.local()
        self.changed = threading.Condition()
        self.states: dict[int, str] = {}
        self.pids: dict[int, int] = {}
        self.turn: int | None = None
        self.is_off = False
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "commit", self._point)

    def close(self) -> None:
        """Listen no more."""
        event.remove(self.engine, "before_cursor_execute", self._statement)
        event.remove(self.engine, "commit", self._point)
        self.watcher.dispose()

    def run(self, writers: Sequence[Callable[[], object]], order: Sequence[tuple[int, int]]) -> int:
        """Let the writers run to their ends; return how often one had to wait for another's lock."""
        faults: list[BaseException] = []
        self.states = dict.fromkeys(range(len(writers)), "running")
        self.turn, self.is_off = None, False
        threads = [
            threading.Thread(target=self._live, args=(number, one, faults), daemon=True)
            for number, one in enumerate(writers)
        ]
        for thread in threads:
            thread.start()
        try:
            waits = self._conduct(order)
        finally:
            with self.changed:
                self.is_off = True
                self.changed.notify_all()
            for thread in threads:
                thread.join(GIVE_UP_S)
        if faults:
            raise faults[0]
        return waits

    def _live(self, number: int, writer: Callable[[], object], faults: list[BaseException]) -> None:
        self.here.number = number
        try:
            writer()
        except BaseException as fault:
            faults.append(fault)
        with self.changed:
            self.states[number] = "done"
            self.changed.notify_all()

    def _statement(self, connection: Any, *_: Any) -> None:
        self._point(connection)

    def _point(self, connection: Any) -> None:
        """Stop here until it is this writer's turn; whoever is no writer passes."""
        number = getattr(self.here, "number", None)
        if number is None or self.is_off:
            return
        self.pids[number] = connection.connection.driver_connection.info.backend_pid
        with self.changed:
            self.states[number] = "ready"
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.turn == number or self.is_off, GIVE_UP_S)
            self.turn = None
            self.states[number] = "running"

    def _conduct(self, order: Sequence[tuple[int, int]]) -> int:
        waits = place = 0
        until = time.monotonic() + GIVE_UP_S
        while time.monotonic() < until:
            ready = self._settled()
            if not ready:
                if set(self.states.values()) == {"done"}:
                    return waits
                waits += 1
                continue  # those left wait for each other: PostgreSQL ends one of them
            who, count = order[place % len(order)]
            place += 1
            number = ready[who % len(ready)]
            for _ in range(count):
                if self.states[number] != "ready":
                    break
                with self.changed:
                    self.states[number], self.turn = "running", number
                    self.changed.notify_all()
                if not self._comes_back(number):
                    waits += 1
                    break
        raise AssertionError(f"the writers did not end: {self.states}")

    def _settled(self) -> list[int]:
        """Wait until every writer is ready, done or waiting for a lock; return those who are ready."""
        for number in self.states:
            self._comes_back(number)
        return [number for number, state in self.states.items() if state == "ready"]

    def _comes_back(self, number: int) -> bool:
        """Wait for a running writer to stop or to end; False when it waits for somebody's lock."""
        for _ in range(20_000):
            with self.changed:
                if self.changed.wait_for(lambda: self.states[number] in {"ready", "done"}, 0.004):
                    return True
            if number in self.pids and self._is_blocked(self.pids[number]):
                return False
        return False

    def _is_blocked(self, pid: int) -> bool:
        with self.watcher.connect() as connection:
            blocked = "SELECT cardinality(pg_blocking_pids(:pid)) > 0"
            return bool(connection.scalar(text(blocked), {"pid": pid}))
