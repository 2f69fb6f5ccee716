"""The clock a day off: every process of the product, both servers included, preloads shift_clock.c.

While it is off, a person plans and applies whatever the product lets him, and the job of the night comes. By
tomorrow's date debts begin to count, promises are broken, a month is charged and reminders are due which by
today's are not. What must hold: nobody is cut by it, the product says that its clock jumped, no day but today
is closed, and that once; and when the clock is right again all goes on.
"""

import struct
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from bench.gates.chaos_acts import Row, cut, judge, pay
from bench.gates.chaos_town import ACTOR, GRACE_DAYS, NEAR, Person, Town, Watch
from billing import dunning as ladder
from billing import subscriptions
from billing import testing as money
from billing.models import DunningNotice, EntryKind, LedgerEntry, NightRun
from core import clock
from registry import customers, dunning, upkeep
from registry.models import Customer
from tasks import celery_app, enqueue
from tasks.runtime import queue_url
from tests.product import wait_for

DAY_S = 86_400
OFF_S = 20.0
PARTS = ("web", "probe", "work", "beat", "valkey", "postgresql")
# Who promised to pay until today, and whose reminder is due tomorrow.
ROLES = {"promised": 3, "early": 3}
TEXT = {"en": {"subject": "A reminder", "body": "You owe {{ amount }}"}}


@dataclass
class Days:
    """What today's night must leave: so many charges of each service, so many reminders of each account."""

    charges: dict[int, int] = field(default_factory=dict)
    notices: dict[int, int] = field(default_factory=dict)

    def wrong(self, town: Town) -> int:
        """Return by how many entries and reminders the product is off."""
        charged = select(LedgerEntry.subscription_id, func.count()).where(
            LedgerEntry.kind == EntryKind.CHARGE, LedgerEntry.subscription_id.in_(self.charges)
        )
        told = select(DunningNotice.account_id, func.count()).where(
            DunningNotice.account_id.in_(self.notices)
        )
        with town.product.database.reading() as session:
            found = dict(session.execute(charged.group_by(LedgerEntry.subscription_id)).all())
            seen = dict(session.execute(told.group_by(DunningNotice.account_id)).all())
        return sum(abs(found.get(key, 0) - count) for key, count in self.charges.items()) + sum(
            abs(seen.get(key, 0) - count) for key, count in self.notices.items()
        )


def own_clock(folder: Path) -> dict[str, str]:
    """Return the environment that puts every process of a product on a clock of its own."""
    library, clock_file = folder / "shift_clock.so", folder / "clock"
    source = str(Path(__file__).with_name("shift_clock.c"))
    words = ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), source, "-ldl"]
    subprocess.run(words, check=True, timeout=60)
    clock_file.write_bytes(bytes(8))
    clock_file.chmod(0o644)
    library.chmod(0o755)
    return {"LD_PRELOAD": str(library), "SHIFT_CLOCK": str(clock_file)}


def set_clock(folder: Path, by_s: int) -> None:
    """Shift the clock of every process that was started with the clock of this folder."""
    with (folder / "clock").open("r+b") as file:
        file.write(struct.pack("=q", by_s))


def row(town: Town, days: Days, by_s: int, row_s: float) -> Row:
    """Set the clock off while people owe, pay and are cut; and see that it was noticed and did no harm."""
    name = f"clock {by_s / DAY_S:+.0f} day for {OFF_S:.0f} s"
    payers = [person for person in town.add() if person.role == "payer"]
    town.add((NEAR,), ROLES)
    if _night(town) is None:
        _expect(town, days)
        if by_s < 0:
            _send_night(town)
            wait_for(lambda: _night(town) is not None, row_s, town.product.log)
    watch, keys = Watch(town), list[str]()
    _check_clocks(town)
    said = _while_off(town, by_s, payers, keys, time.monotonic() + OFF_S + row_s)
    right_at, until = clock.now(), time.monotonic() + row_s
    faults = [] if said else ["did not say that the clock jumped"]
    faults += _go_on(town, right_at, until)
    cut(town, town.client(), until)
    found = judge(name, town, keys, watch, until=until)
    found.entries += days.wrong(town)
    found.fault = "; ".join([found.fault, *faults]).strip("; ")
    return found


def _while_off(town: Town, by_s: int, payers: list[Person], keys: list[str], until: float) -> bool:
    """Plan, pay and close the day by the wrong clock; return whether plan and page said that it jumped."""
    clients, doubts = [town.client() for _ in range(3)], list[str]()

    def take(place: int) -> None:
        for person in payers[place::2]:
            pay(clients[place], person, town, keys, until=until)

    words, is_shown, is_noted = f"jumped by {by_s / 60:+.0f} minutes", False, False
    with ThreadPoolExecutor(3) as pool:
        set_clock(town.folder, by_s)
        began = time.monotonic()
        try:
            _check_off(town, by_s)
            # For a product that lives yesterday a payment of today is of tomorrow: it is taken afterwards.
            acts = [pool.submit(take, place) for place in range(2)]
            acts.append(pool.submit(cut, town, clients[2], until, on_clock=doubts.append))
            _send_night(town)
            while time.monotonic() < began + OFF_S:
                is_shown = is_shown or words in town.client().get("/cutoff").text
                is_noted = is_noted or words in _said(town)
                time.sleep(1)
        finally:
            set_clock(town.folder, 0)
        for act in acts:
            act.result()
    # From a server that lives yesterday a browser keeps no cookie: there nobody can plan, or see the page.
    return is_noted and (by_s < 0 or (is_shown and any(words in one for one in doubts)))


def _said(town: Town) -> str:
    """Return what the night said of why it waits: what the page of the cutoff shows."""
    with town.product.database.reading() as session:
        note = upkeep.find_beat(session, upkeep.NIGHT)
    return str(note.facts["error"]) if note else ""


def _go_on(town: Town, right_at: datetime, until: float) -> list[str]:
    """Wait until today is closed and the timetable ticks again; return what did not come."""

    def ticks() -> bool:
        with town.product.database.reading() as session:
            beat = upkeep.find_beat(session, "beat")
        return beat is not None and right_at < beat.at < clock.now() + timedelta(seconds=5)

    faults = []
    for is_so, words in (
        (lambda: _night(town) is not None, "the night was not made up for"),
        (ticks, "the timetable stands still"),
    ):
        try:
            wait_for(is_so, max(1.0, until - time.monotonic() - 20))
        except AssertionError:
            faults.append(words)
    with town.product.database.reading() as session:
        others = session.scalars(select(NightRun.run_on).where(NightRun.run_on != town.today())).all()
    return faults + [f"the night of {day} was run" for day in others]


def _night(town: Town) -> datetime | None:
    """Return when today was closed."""
    with town.product.database.reading() as session:
        found = session.get(NightRun, town.today())
        return found.finished_at if found else None


def _send_night(town: Town) -> None:
    """Send the job of the night, as the timetable does: by whatever day it is."""
    app = celery_app.make(queue_url(town.product.settings))
    enqueue.close_day(app)
    app.close()


def _expect(town: Town, days: Days) -> None:
    """Start a service today and one tomorrow; say what today's night must do for them and for debtors."""
    today = town.today()
    with town.product.database.transaction() as session:
        if not ladder.steps(session):
            dunning.save_step(session, ACTOR, None, days=GRACE_DAYS, is_on=True, texts=TEXT)
        plan_id = money.plan(session, 1000).id
        for starts_on, count in ((today, 1), (today + timedelta(days=1), 0)):
            customer = customers.create(session, ACTOR, currency="EUR", last_name=f"from {starts_on}")
            service = subscriptions.start(
                session,
                customer.account_id,
                money.act(today - timedelta(days=1)),
                choice=subscriptions.Choice(plan_id),
                starts_on=starts_on,
            )
            days.charges[service.id] = count
        roles = {person.customer_id: person.role for person in town.people}
        accounts = select(Customer.id, Customer.account_id).where(Customer.id.in_(roles))
        for customer_id, account_id in session.execute(accounts):
            if roles[customer_id] in ("edge", "early"):
                days.notices[account_id] = int(roles[customer_id] == "edge")


def _check_clocks(town: Town) -> None:
    for part in PARTS:
        pid = town.product.pid_of(part)
        maps = Path(f"/proc/{pid}/maps").read_text() if pid else ""
        assert "shift_clock.so" in maps, f"{part} has no such clock"


def _check_off(town: Town, by_s: int) -> None:
    with town.product.database.reading() as session:
        off_s = (session.scalars(select(func.now())).one() - clock.now()).total_seconds()
    assert abs(off_s - by_s) < 5, f"the database is {off_s:.0f} s off"
