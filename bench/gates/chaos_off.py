"""The POP that is cut off for ten minutes, while all the other rows happen."""

import threading
import time

from bench.gates.chaos_acts import Row, cut, judge, pay
from bench.gates.chaos_town import HILL, Person, Town, Watch, wait_alive
from core.errors import Unavailable
from tasks import celery_app
from tasks.runtime import queue_url
from tests.product import wait_for

SETTLE_S = 90.0


class CutOff:
    """Everybody of the POP owes, is cut, pays, or is never to be cut, before and while nothing reaches it.

    The first 13 were told before: 8 are cut, and 4 of those pay while their gateway cannot be told. The
    second 13 come when it is cut off already.
    """

    def __init__(self, town: Town, cut_s: float) -> None:
        self.town, self.cut_s = town, cut_s
        self.keys: list[str] = []
        self.faults: list[str] = []
        self.watch = Watch(town, (HILL,))
        self.began = 0.0
        self._payers: threading.Thread | None = None

    def begin(self) -> None:
        """Cut the first ones as they are due, then cut the wire."""
        wait_alive(self.town, f"probe.{HILL}")
        first = self.town.add((HILL,))
        cut(self.town, self.town.client(), time.monotonic() + SETTLE_S)
        wait_for(lambda: self.town.wrong((HILL,)) == ([], []), SETTLE_S, self.town.product.log)
        self.town.posts[HILL].cut_wire()
        self.began = time.monotonic()
        second = self.town.add((HILL,))
        payers = [person for person in [*first, *second] if person.role == "payer"]
        self._payers = threading.Thread(target=self._pay, args=(payers,), daemon=True)
        self._payers.start()

    def _pay(self, payers: list[Person]) -> None:
        """Let one after another pay until the wire is mended."""
        try:
            client = self.town.client()
            for place, person in enumerate(payers, 1):
                time.sleep(max(0.0, self.began + self.cut_s * place / (len(payers) + 1) - time.monotonic()))
                pay(client, person, self.town, self.keys, until=time.monotonic() + SETTLE_S)
        except Exception as error:
            self.faults.append(str(error)[:300])

    def end(self) -> Row:
        """Plan once more, wait for the end of the time, mend the wire, and hold all against what is right."""
        assert self._payers is not None
        self._payers.join()
        cut(self.town, self.town.client(), time.monotonic() + SETTLE_S)
        time.sleep(max(0.0, self.began + self.cut_s - time.monotonic()))
        wrong = sum(map(len, self.town.wrong((HILL,))))
        waiting = self._waiting()
        lasted_s = time.monotonic() - self.began
        self.town.posts[HILL].mend_wire()
        name, until = f"worker of a POP cut off for {lasted_s:.0f} s", time.monotonic() + SETTLE_S
        found = judge(name, self.town, self.keys, self.watch, until=until, gates=(HILL,))
        found.note = f"{wrong} lines astray and {waiting} jobs waiting there till then"
        if not wrong:
            self.faults.append("the gateway was told although nothing reached it")
        found.fault = "; ".join([found.fault, *self.faults]).strip("; ")
        return found

    def _waiting(self) -> int:
        app = celery_app.make(queue_url(self.town.product.settings))
        try:
            return celery_app.waiting(app, celery_app.gate_queue(HILL))
        except Unavailable:
            return -1
        finally:
            app.close()
