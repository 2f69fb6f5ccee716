"""What people do in the chaos: pay at the till, plan and apply the cutoff; and what a row came to."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.gates import chaos_town
from bench.gates.chaos_town import LOGIN, PASSWORD, Person, Town, Watch, again
from billing.models import CutoffRun, RunStatus
from tests import product as products
from tests.product import Client

# What the last answer was, for the words of a failure.
SAID: list[str] = []
ROW = "{:44} {:7} {:7} {:13} {:9} {:>12}"
HEAD = (
    "                                             wrongly wrongly  entries lost\n"
    "what happens                                     cut    open    or doubled  payments  right after"
)


@dataclass
class Row:
    """One line of the table. `note` is for the reader, `fault` is what else is not as it must be."""

    name: str
    wrongly_cut: int
    wrongly_open: int
    entries: int
    payments: int
    right_s: float
    note: str = ""
    fault: str = ""

    @property
    def is_good(self) -> bool:
        """Whether every figure is 0 and nothing else is wrong."""
        return not (self.wrongly_cut or self.wrongly_open or self.entries or self.fault)

    def __str__(self) -> str:
        figures = (self.wrongly_cut, self.wrongly_open, self.entries, self.payments, f"{self.right_s:.1f} s")
        words = "; ".join(one for one in (self.note, self.fault.upper()) if one)
        return ROW.format(self.name, *figures) + (f"  {words}" if words else "")


def pay(client: Client, person: Person, town: Town, keys: list[str], *, until: float, times: int = 1) -> None:
    """Have him pay at the till, and go on until it is acknowledged; its key joins `keys` then."""
    key = f"chaos-payment-{person.customer_id}"
    again(lambda: _pay(client, person, key, town, times), until, SAID)
    keys.append(key)
    town.paid.add(person.customer_id)


def _pay(client: Client, person: Person, key: str, town: Town, times: int) -> bool:
    fields = {
        "amount": f"{chaos_town.DEBT_MINOR / 100:.2f}",
        "method": "bank",
        "dated_on": town.today().isoformat(),
        "reference": key,
        "key": key,
    }
    answers = [client.post(f"/customers/{person.customer_id}/money/payment", fields) for _ in range(times)]
    return all(is_done(client, answer) for answer in answers)


def is_done(client: Client, answer: products.Answer) -> bool:
    """Whether the act was done; whoever was signed out meanwhile signs in again and repeats it."""
    if "sign-in" in answer.headers.get("Location", "") or answer.status in (400, 401, 403):
        client.sign_in(LOGIN, PASSWORD)
        return False
    SAID[:] = [f"{answer.status} {answer.url} {answer.text[:1500]}"]
    return answer.status == 303


def cut(town: Town, client: Client, until: float, *, on_clock: Callable[[str], None] | None = None) -> None:
    """Plan and apply past the brake, as a person who looks at no date and knows that this is a drill.

    With `on_clock` he stops where the product doubts the clock, and hands over its words.
    """

    def act() -> bool:
        answer = client.post("/cutoff/plan")
        found = re.findall(r"/cutoff/(\d+)", answer.headers.get("Location", ""))
        if not is_done(client, answer) or not found:
            return False
        made = run_of(town, int(found[0]))
        doubts = [words for words in made.brake_reasons if "clock" in words]
        if doubts and on_clock is not None:
            on_clock("; ".join(doubts))
            return True
        if made.status is RunStatus.BRAKED:
            words = {"typed": str(made.cut_count), "reason": "this is a drill"}
            client.post(f"/cutoff/{made.id}/release", words)
        if is_done(client, client.post(f"/cutoff/{made.id}/apply")):
            return True
        # It may be applied although the answer got lost.
        return run_of(town, made.id).status is RunStatus.APPLIED

    again(act, until, SAID)


def run_of(town: Town, run_id: int) -> CutoffRun:
    """Return a plan as it is on file."""
    with town.product.database.reading() as session:
        return session.get_one(CutoffRun, run_id)


def judge(
    name: str,
    town: Town,
    keys: list[str],
    watch: Watch,
    *,
    until: float,
    gates: tuple[str, ...] = (chaos_town.NEAR, chaos_town.FAR),
) -> Row:
    """Wait until the gateways cut exactly whom they must; count what is wrong then, or was seen before."""
    began = time.monotonic()
    faults, town.faults = town.faults, []
    try:
        products.wait_for(lambda: _is_right(town, gates), max(1.0, until - began))
    except AssertionError:
        faults.append("not right in time")
    right_s = time.monotonic() - began
    cut_now, open_now = town.wrong(gates)
    wrongly_cut = watch.stop() | {person.customer_id for person in cut_now}
    entries = town.entries(keys)
    return Row(name, len(wrongly_cut), len(open_now), entries, len(keys), right_s, fault="; ".join(faults))


def _is_right(town: Town, gates: tuple[str, ...]) -> bool:
    try:
        return town.wrong(gates) == ([], []) and town.product.is_well()
    except chaos_town.gates.GateError:
        return False
