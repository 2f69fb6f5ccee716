"""Interest on what is paid late: charged a month at a time, once for each claim and month.

The first night of a month charges the months that are over: what each claim had open, day by day, by the
allocation of the ledger (billing.allocation, billing.accrual). Late fees and interest bear none. Sums too
small to be asked for wait until they have grown. What is promised or agreed on bears interest all the same.

Money that becomes known after its month was charged (a statement read late, a payment that bounced) is
settled by the next month's run: the difference to what was known then is given back or asked for by an entry
that names the corrected one, at the rate the month was charged at: a change of the rates corrects nothing,
and keeps nothing from being corrected. Interest that a person undid stays undone. Without any rate nothing is
charged nor corrected; a rate of 0 from a day on ends interest from then.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from billing import accrual, allocation, batches, crediting, documents, episodes, ledger, penalties
from billing.accrual import Claim
from billing.acts import Act
from billing.allocation import Item
from billing.models import Account, EntryKind, LedgerEntry, NightRun
from billing.rules import DAY, Period, Rules
from core.columns import any_of
from core.db import Database
from core.words import N_

BATCH = 500
_PREFIX = "interest "
_PREFIXES = (_PREFIX, episodes.FEE_PREFIX)
# Accrued.key(), and nothing else.
_KEY = re.compile(r"interest (?P<claim>[1-9]\d{0,18}) (?P<month>\d{4}-\d{2})(?: \d{1,9})?", re.ASCII)
_KINDS = (EntryKind.CHARGE, EntryKind.ADJUSTMENT)


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry of interest: what it asked (below zero) or gave back."""

    id: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Accrued:
    """Interest on one claim (a ledger entry) for days of one month, in minor units.

    `amount_minor` is what is to be asked, or to be given back when it is below zero; `right_minor` what the
    month bears by all that is known now, and `before` what was booked for it.
    """

    claim_id: int
    due_on: date
    days: Period
    amount_minor: int
    right_minor: int
    before: tuple[Booked, ...] = ()

    def key(self, number: int = 1) -> str:
        """The idempotency key of the month's entry of that number: the claim, the month, and which it is."""
        first = f"{_PREFIX}{self.claim_id} {self.days.start:%Y-%m}"
        return first if number == 1 else f"{first} {number}"


@dataclass(slots=True)
class _Book:
    """What of an account's ledger matters here: its entries, those that bear interest, and the interest."""

    items: list[Item] = field(default_factory=list)
    dated: dict[int, date] = field(default_factory=dict)
    bearing: dict[int, tuple[date, int]] = field(default_factory=dict)
    booked: dict[tuple[int, str], list[Booked]] = field(default_factory=lambda: defaultdict(list))
    undone: set[int] = field(default_factory=set)

    def claims(self, before_id: int | None = None) -> dict[int, Claim]:
        """Return the claims that bear interest, with what paid each; as it stood before that entry."""
        known = self.items if before_id is None else [one for one in self.items if one.id < before_id]
        shared = allocation.allocate(known)
        paid: dict[int, list[tuple[date, int]]] = defaultdict(list)
        for share in shared.shares:
            paid[share.claim_id].append((self.dated[share.money_id], share.amount_minor))
        return {
            id_: Claim(self.bearing[id_][1], self.bearing[id_][0], tuple(paid[id_]))
            for id_ in shared.open_minor
            if id_ in self.bearing
        }

    def charged_before(self, claim_id: int, first: date) -> list[Period]:
        """Return the months before that day's for which the claim was charged interest."""
        days = sorted(
            date.fromisoformat(f"{month}-01")
            for id_, month in self.booked
            if id_ == claim_id and month < f"{first:%Y-%m}"
        )
        return [accrual.months(day, day + 31 * DAY)[0] for day in days]

    def note_interest(self, id_: int, minor: int, key: str) -> None:
        """Write down an entry of interest by its key (see Accrued.key); one of another form is none."""
        if (read := _KEY.fullmatch(key)) is not None:
            self.booked[int(read["claim"]), read["month"]].append(Booked(id_, minor))


def run(session: Session, act: Act, *, rules: Rules, account_id: int | None = None) -> dict[str, int | str]:
    """Charge the interest of the months that are over, of all accounts or of one; report entries and sum.

    Nothing happens without rates, nor when a night of this month has done it.
    """
    if not rules.interest_rates:
        return {"entries": 0}
    ids = _concerned(session, act) if account_id is None else [account_id]
    made = [] if _is_done(session, act.today) else _settle(session, ids, act, rules)
    return _report(act, [entry.amount_minor for entry in made])


def run_batches(database: Database, act: Act, *, rules: Rules) -> tuple[int, ...]:
    """Do for everybody what run() does, in batches (see batches.each); return whom it went wrong for."""
    if not rules.interest_rates:
        return ()
    with database.reading() as session:
        ids = [] if _is_done(session, act.today) else _concerned(session, act)
    return batches.each(database, ids, BATCH, lambda session, some: _settle(session, some, act, rules))


def booked(session: Session, act: Act, *, rules: Rules) -> dict[str, int | str]:
    """Report what was booked on the act's day, in however many batches."""
    if not rules.interest_rates:
        return {"entries": 0}
    sums = select(LedgerEntry.amount_minor).where(
        LedgerEntry.dated_on == act.today,
        LedgerEntry.idempotency_key.startswith(_PREFIX),
        LedgerEntry.kind.in_(_KINDS),
    )
    return _report(act, session.scalars(sums).all())


def _report(act: Act, sums: Sequence[int]) -> dict[str, int | str]:
    return {"entries": len(sums), "total_minor": -sum(sums), "through": _last(act.today).isoformat()}


def _last(today: date) -> date:
    """Return the last day of the months that are over."""
    return today.replace(day=1) - DAY


def pending_minor(session: Session, account_id: int, on: date, *, rules: Rules) -> int:
    """Return what has accrued by the end of that day and is not charged yet."""
    if not rules.interest_rates:
        return 0
    found = dict(_accrued(session, [account_id], on, rules, is_whole=False))
    return max(0, sum(one.amount_minor for one in found.get(account_id, ())))


def _settle(session: Session, account_ids: Sequence[int], act: Act, rules: Rules) -> list[LedgerEntry]:
    """Book what is to be asked of these accounts, and given back to them; return the entries.

    All accounts are held before a counter of documents is; what asks is documented before what gives back.
    """
    ids = ledger.hold(session, account_ids)
    asked: list[LedgerEntry] = []
    given: list[tuple[LedgerEntry, LedgerEntry]] = []
    for first in range(0, len(ids), BATCH):
        for account_id, found in _accrued(session, ids[first : first + BATCH], _last(act.today), rules):
            more = [one for one in found if one.amount_minor > 0]
            if sum(one.amount_minor for one in more) >= max(1, rules.interest_minimum_minor):
                asked += [_ask(session, account_id, one, act) for one in more]
            for one in found:
                given += _give_back(session, account_id, one, act) if one.amount_minor < 0 else ()
    penalties.document(session, asked, act)
    for entry, charge in given:
        documents.correct(session, entry, charge, author=act.author)
    return [*asked, *(entry for entry, _ in given)]


def _ask(session: Session, account_id: int, one: Accrued, act: Act) -> LedgerEntry:
    """Charge a month's interest, or what it bears beside what was charged."""
    account = session.get_one(Account, account_id)
    words = {"first": one.days.start, "last": one.days.end, "day": one.due_on}
    text = N_("Interest from %(first)s to %(last)s on what was due %(day)s", **words)
    if one.before:
        text = _corrected(one, one.before[0].id)
    return ledger.post(
        session,
        account_id,
        EntryKind.CHARGE,
        -one.amount_minor,
        dated_on=act.today,
        author=act.author,
        due_on=act.terms.due_on(account, act.today),
        idempotency_key=one.key(len(one.before) + 1),
        description=text,
    )


def _give_back(
    session: Session, account_id: int, one: Accrued, act: Act
) -> list[tuple[LedgerEntry, LedgerEntry]]:
    """Give back what a month was charged too much; return the entries, each with the charge it corrects.

    Less than all of it where people gave it back by hand on the invoice.
    """
    ids = [entry.id for entry in one.before if entry.amount_minor < 0]
    charges = session.scalars(
        select(LedgerEntry).where(LedgerEntry.id.in_(ids)).order_by(LedgerEntry.id.desc())
    )
    rooms = [(charge, crediting.left_of(session, charge)) for charge in charges]
    left = min(-one.amount_minor, sum(room for _, room in rooms) - one.right_minor)
    made: list[tuple[LedgerEntry, LedgerEntry]] = []
    for charge, room in rooms:
        part = min(left, room)
        if part <= 0:
            continue
        left -= part
        entry = ledger.post(
            session,
            account_id,
            EntryKind.ADJUSTMENT,
            part,
            dated_on=act.today,
            author=act.author,
            vat_hundredths=charge.vat_hundredths,
            corrects_id=charge.id,
            idempotency_key=one.key(len(one.before) + len(made) + 1),
            description=_corrected(one, charge.id),
        )
        made.append((entry, charge))
    return made


def _corrected(one: Accrued, entry_id: int) -> str:
    return N_(
        "Interest from %(first)s to %(last)s on what was due %(day)s: entry %(entry)s corrected",
        first=one.days.start,
        last=one.days.end,
        day=one.due_on,
        entry=entry_id,
    )


def _accrued(
    session: Session, account_ids: Sequence[int], last: date, rules: Rules, *, is_whole: bool = True
) -> Iterator[tuple[int, list[Accrued]]]:
    """Yield by account what the months that end by `last`, or up to it, bear beside what is booked."""
    begin = min(from_on for from_on, _ in rules.interest_rates)
    for account_id, book in _books(session, account_ids, last).items():
        now = book.claims()
        found = []
        for claim_id in sorted({*now, *(id_ for id_, _ in book.booked if id_ in book.bearing)}):
            due_on = book.bearing[claim_id][0]
            claim = now.get(claim_id, Claim(0, due_on))
            first = max(begin, due_on + DAY)
            months = accrual.months(first, last)
            if not is_whole:
                start = months[-1].end + DAY if months else first.replace(day=1)
                months = [*months, Period(start, last)] if start <= last else months
            earlier = book.charged_before(claim_id, first)
            found += [_of_month(book, claim_id, claim, month, rules) for month in [*earlier, *months]]
        yield account_id, [one for one in found if one is not None]


def _of_month(book: _Book, claim_id: int, claim: Claim, month: Period, rules: Rules) -> Accrued | None:
    """Return what a month of a claim bears and was not charged for; or was charged for and does not bear."""
    rates = rules.interest_rates
    before = tuple(book.booked.get((claim_id, f"{month.start:%Y-%m}"), ()))
    if not before:
        right = accrual.interest_minor(claim, rates, month)
        days = accrual.late_days(claim, month)
        if days is None or right <= 0:
            return None
        begin = min(from_on for from_on, _ in rates)
        return Accrued(claim_id, claim.due_on, Period(max(days.start, begin), days.end), right, right)
    if any(one.id in book.undone for one in before):
        return None

    def known(one: Booked) -> Claim:
        return book.claims(one.id).get(claim_id, Claim(0, claim.due_on))

    bears = accrual.as_charged(-before[0].amount_minor, known(before[0]), rates, month)
    right = bears(claim)
    if right == -sum(one.amount_minor for one in before):
        return None
    difference = right - bears(known(before[-1]))
    return Accrued(claim_id, claim.due_on, month, difference, right, before) if difference else None


def _books(session: Session, account_ids: Sequence[int], last: date) -> dict[int, _Book]:
    """Return what matters of the accounts' ledgers; what was due before `last` bears interest."""
    rows = session.execute(
        select(
            LedgerEntry.account_id,
            LedgerEntry.id,
            LedgerEntry.amount_minor,
            LedgerEntry.due_on,
            LedgerEntry.reverses_id,
            LedgerEntry.dated_on,
            func.coalesce(LedgerEntry.idempotency_key, ""),
        )
        .where(LedgerEntry.account_id == any_of(account_ids))
        .order_by(LedgerEntry.account_id, LedgerEntry.id)
    )
    found: dict[int, _Book] = defaultdict(_Book)
    for account_id, id_, minor, due_on, reverses_id, dated_on, key in rows:
        book = found[account_id]
        book.items.append(Item(id_, minor, due_on, reverses_id))
        book.dated[id_] = dated_on
        if reverses_id is not None:
            book.undone.add(reverses_id)
        if due_on is not None and due_on < last and not key.startswith(_PREFIXES):
            book.bearing[id_] = (due_on, -minor)
        if key.startswith(_PREFIX):
            book.note_interest(id_, minor, key)
    return found


def _concerned(session: Session, act: Act) -> list[int]:
    """Return the accounts of which something may have been late in the months over: one claim is older."""
    last = _last(act.today)
    claim = aliased(LedgerEntry)
    is_late = exists().where(claim.account_id == Account.id, claim.due_on < last)
    return list(session.scalars(select(Account.id).where(is_late).order_by(Account.id)))


def _is_done(session: Session, today: date) -> bool:
    """Whether an earlier night of this month has charged it."""
    last = _last(today)
    done = select(NightRun.run_on).where(
        NightRun.run_on > last,
        NightRun.run_on < today,
        NightRun.report["interest"]["through"].as_string() == last.isoformat(),
    )
    return session.scalar(done.limit(1)) is not None
