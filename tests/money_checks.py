"""What must hold after any history of money, worked out anew from the rows and from the plain arithmetic."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import allocation, crediting, debt, documents, liabilities, periods, prices
from billing import rules as arithmetic
from billing.models import (
    Account,
    AccountDiscount,
    Discount,
    DocumentKind,
    EntryKind,
    LedgerEntry,
    LockReason,
    Plan,
    PlannedChange,
    PlanPrice,
    Subscription,
    SuspensionLock,
    VatPercent,
)
from billing.periods import Cycle
from billing.rules import DAY, Period
from tests import money_papers
from tests.money_world import World

GRACE = 2


@dataclass(frozen=True)
class Terms:
    """Terms as they were agreed: of which service, from when, by which cycle and price."""

    owner: tuple[str, int]
    no: int
    since: date
    cycle: Cycle
    is_postpaid: bool
    plan_id: int | None
    own_minor: int | None
    unit_minor: int
    quantity: int
    is_net: bool
    vat_rate_id: int | None


@dataclass
class Watch:
    """What a history has shown so far: the terms of every service, by service and number.

    `listed` is every price of each plan for one there was, and `passed` the periods that were free by their
    price on a day that was closed, each by its terms and its first day.
    """

    world: World
    listed: dict[int | None, set[int]] = field(default_factory=lambda: defaultdict(set))
    passed: set[tuple[tuple[str, int], int, date]] = field(default_factory=set)
    terms: dict[tuple[tuple[str, int], int], Terms] = field(default_factory=dict)
    ends: dict[tuple[str, int], date | None] = field(default_factory=dict)
    planned: dict[tuple[str, int], list[date]] = field(default_factory=lambda: defaultdict(list))

    def look(self, session: Session) -> None:
        """Write down the terms in force, and when they end."""
        query = select(Subscription, Plan).join(Plan).where(Subscription.account_id == self.world.account_id)
        variants = dict(session.execute(select(PlanPrice.plan_id, PlanPrice.price_minor)).all())
        for plan_id, minor in session.execute(select(Plan.id, Plan.price_minor)):
            self.listed[plan_id].add(minor)
        for service, plan in session.execute(query):
            owner, own = ("subscription", service.id), service.price_minor
            listed = variants.get(plan.id, plan.price_minor) if service.quantity > 1 else plan.price_minor
            self.terms[owner, service.terms_no] = Terms(
                owner,
                service.terms_no,
                max(service.starts_on, service.terms_from or service.starts_on),
                Cycle(plan.period, service.bill_day, service.bill_month),
                plan.is_postpaid if service.is_postpaid is None else service.is_postpaid,
                plan.id,
                own if own is not None or service.quantity == 1 else variants.get(plan.id),
                listed if own is None else own,
                service.quantity,
                plan.is_net,
                plan.vat_rate_id,
            )
            self.ends[owner] = service.ends_on
        for gone in [key for key in self.terms if key[0][0] == "liability"]:
            del self.terms[gone]  # one that was never charged is removed when it is taken back
        for owed in liabilities.of_account(session, self.world.account_id):
            owner = ("liability", owed.id)
            self.terms[owner, 1] = Terms(
                owner,
                1,
                owed.starts_on,
                liabilities.cycle_of(owed),
                owed.is_postpaid,
                None,
                owed.price_minor,
                owed.price_minor,
                owed.quantity,
                owed.is_net,
                owed.vat_rate_id,
            )
            self.ends[owner] = owed.ends_on
        self.planned.clear()
        changes = select(PlannedChange).join(Subscription)
        for one in session.scalars(changes.where(Subscription.account_id == self.world.account_id)):
            self.planned["subscription", one.subscription_id].append(one.starts_on - DAY)


def entries_of(session: Session, account_id: int) -> list[LedgerEntry]:
    """Return the account's entries, oldest first."""
    query = select(LedgerEntry).where(LedgerEntry.account_id == account_id).order_by(LedgerEntry.id)
    return list(session.scalars(query))


def check(session: Session, watch: Watch, today: date, *, is_closed: bool) -> None:
    """Assert all that must hold; that nothing is left out as well when the day was closed."""
    session.expire_all()
    for account_id in (watch.world.account_id, watch.world.other_id):
        entries = entries_of(session, account_id)
        check_balance(session, account_id, entries)
        check_debt(session, account_id, entries, today)
    watch.look(session)
    entries = entries_of(session, watch.world.account_id)
    check_periods(session, watch, entries, today, is_closed=is_closed)
    money_papers.check_documents(session, watch.world.account_id)
    money_papers.check_documents_tell_the_ledger(session, watch.world.account_id, entries)


def check_balance(session: Session, account_id: int, entries: Sequence[LedgerEntry]) -> None:
    """The cached balance and every running balance are sums of entries; counter entries name each other."""
    running, by_id = 0, {entry.id: entry for entry in entries}
    for entry in entries:
        running += entry.amount_minor
        assert entry.balance_after_minor == running
        if entry.reverses_id is not None:
            undone = by_id[entry.reverses_id]
            assert (entry.amount_minor, entry.due_on) == (-undone.amount_minor, undone.due_on)
    assert session.get_one(Account, account_id).balance_minor == running


def standing(entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """Return the entries without those that were reversed, and without their reversals."""
    entries = list(entries)
    undone = {entry.reverses_id for entry in entries}
    return [entry for entry in entries if entry.reverses_id is None and entry.id not in undone]


def check_debt(session: Session, account_id: int, entries: Sequence[LedgerEntry], today: date) -> None:
    """Debt, overdue and what money paid are as if what was reversed had never been."""
    left = standing(entries)
    found = debt.of(session, account_id, today=today, grace_days=GRACE)

    def owed(grace: int) -> int:
        return -min(
            0,
            sum(
                entry.amount_minor
                for entry in left
                if entry.due_on is None or arithmetic.is_overdue(entry.due_on, grace, today)
            ),
        )

    assert found.balance_minor == sum(entry.amount_minor for entry in left)
    assert (found.overdue_minor, found.past_due_minor) == (owed(GRACE), owed(0))
    assert 0 <= found.overdue_minor <= found.past_due_minor <= found.debt_minor
    assert found.oldest_due_on == _oldest(left, found.debt_minor)
    paid = allocation.of_account(session, account_id)
    claims = [entry for entry in left if entry.amount_minor < 0 and entry.due_on is not None]
    assert set(paid.open_minor) == {entry.id for entry in claims}
    out = -sum(entry.amount_minor for entry in left if entry.amount_minor < 0 and entry.due_on is None)
    came = sum(entry.amount_minor for entry in left if entry.amount_minor > 0)
    assert sum(share.amount_minor for share in paid.shares) + sum(paid.free_minor.values()) == max(
        0, came - out
    )
    for claim in claims:
        shares = sum(share.amount_minor for share in paid.shares if share.claim_id == claim.id)
        assert shares + paid.open_minor[claim.id] == -claim.amount_minor


def _oldest(left: Sequence[LedgerEntry], owed_minor: int) -> date | None:
    """Walk the claims back from the newest until the debt is used up."""
    by_day: dict[date, int] = defaultdict(int)
    for entry in left:
        if entry.due_on is not None:
            by_day[entry.due_on] -= entry.amount_minor
    oldest = None
    for day in sorted((day for day, minor in by_day.items() if minor > 0), reverse=True):
        if owed_minor <= 0:
            break
        oldest, owed_minor = day, owed_minor - by_day[day]
    return oldest


def check_periods(
    session: Session, watch: Watch, entries: Sequence[LedgerEntry], today: date, *, is_closed: bool
) -> None:
    """Every period is charged once under its terms, and stands in the ledger for what it costs by now."""
    by_terms: dict[tuple[tuple[str, int], int], list[LedgerEntry]] = defaultdict(list)
    for entry in entries:
        if entry.kind is EntryKind.REVERSAL:
            continue
        if entry.subscription_id is not None:
            by_terms[("subscription", entry.subscription_id), entry.terms_no].append(entry)
        elif entry.liability_id is not None:
            by_terms[("liability", entry.liability_id), entry.terms_no].append(entry)
    assert set(by_terms) <= set(watch.terms) | {
        key for key in by_terms if (key[0], key[1] + 1) in watch.terms
    }
    known = Known(session, watch.world.account_id, {entry.reverses_id for entry in entries})
    for key, terms in watch.terms.items():
        after = watch.terms.get((terms.owner, terms.no + 1))
        if after is None and (terms.owner, terms.no + 2) in watch.terms:
            continue  # terms that came and went within one act
        lasts = _last_days(watch, terms, after)
        charged = check_charged(terms, by_terms[key], lasts, known)
        assert not {day for day in charged if (*key, day) in watch.passed}, "asked for what was free"
        if is_closed:
            check_nothing_left_out(terms, charged, lasts, known, today=today, watch=watch)


def _last_days(watch: Watch, terms: Terms, after: Terms | None) -> list[date | None]:
    """Return the last day of the terms, the surest first; behind it, until when they may be charged so far."""
    if after is not None:
        return [after.since - DAY]
    ends = watch.ends[terms.owner]
    planned = sorted(day for day in watch.planned[terms.owner] if ends is None or day < ends)
    return [*planned, ends]


def check_charged(
    terms: Terms, rows: Sequence[LedgerEntry], lasts: Sequence[date | None], known: "Known"
) -> set[date]:
    """What stands for each period of some terms is what it costs; nothing when its charge was undone.

    Returns the first days of the periods that were charged.
    """
    charged: dict[date, LedgerEntry] = {}
    stands: dict[date, int] = defaultdict(int)
    asked: dict[date, int] = defaultdict(int)
    for row in rows:
        start = terms.cycle.whole(row.period_start).start
        if row.kind is EntryKind.CHARGE:
            assert start not in charged, "a period charged twice"
            charged[start] = row
        asked[start] -= row.amount_minor
        stands[start] -= 0 if row.id in known.undone else row.amount_minor
    assert set(asked) <= set(charged), "settled what was never charged"
    for one, following in pairwise(charged[day] for day in sorted(charged)):
        assert one.period_end < following.period_start
    for start, row in charged.items():
        if row.id in known.undone:
            assert stands[start] == 0, "a charge was undone, and given back or asked for beside it"
            continue
        costs = {known.cost(terms, row, last) for last in lasts}
        # What a credit that was undone left standing is not asked again, nor given back what a further
        # charge that was undone did not take.
        is_right = any(
            least <= asked[start] <= most
            or asked[start] < least <= stands[start]
            or stands[start] <= most < asked[start]
            for least, most in costs
        )
        dearest = max(most for _, most in costs)
        is_right = is_right or known.is_credited_by_hand(row, asked[start], stands[start], dearest)
        assert is_right, (terms, row.period_start, asked[start], costs)
    return set(charged)


def check_nothing_left_out(
    terms: Terms,
    charged: set[date],
    lasts: Sequence[date | None],
    known: "Known",
    *,
    today: date,
    watch: Watch,
) -> None:
    """Every period of the terms that has begun, or is over, was charged, or cost nothing at its time."""
    own = terms.own_minor
    prices_ = {terms.unit_minor} if terms.plan_id is None else watch.listed[terms.plan_id]
    shares = periods.shares(
        terms.cycle, terms.since, until=today, ends_on=lasts[0], is_postpaid=terms.is_postpaid
    )
    for share in shares:
        if share.whole.start not in charged:
            costs = [known.of_share(terms, share, unit) for unit in (prices_ if own is None else {own})]
            assert 0 in costs, (terms, "left out", share)
            if known.whole_of(terms, share, terms.unit_minor) == 0:
                watch.passed.add((terms.owner, terms.no, share.whole.start))


class Known:
    """What is undone, and what things cost by what is known now, by the arithmetic without a database."""

    def __init__(self, session: Session, account_id: int, undone: set[int | None]) -> None:
        self.session, self.undone = session, undone
        self.letters = session.execute(
            select(AccountDiscount, Discount).join(Discount).where(AccountDiscount.account_id == account_id)
        ).all()
        self.percents = session.scalars(select(VatPercent).order_by(VatPercent.valid_from)).all()
        self.locks: dict[int, list[SuspensionLock]] = {}

    def reductions(self, terms: Terms, *, as_if: str) -> list[prices.Reduced]:
        """Return the days the service is billed at less.

        Days of debt are settled when the line is let in: `as_if` debt went on for good ("least"), or had
        never cut ("most").
        """
        kind, id_ = terms.owner
        if kind == "liability":
            return []
        if id_ not in self.locks:
            locks = select(SuspensionLock).where(
                SuspensionLock.subscription_id == id_, SuspensionLock.billed_percent < prices.FULL
            )
            self.locks[id_] = list(self.session.scalars(locks))
        found = []
        for lock in self.locks[id_]:
            waits = lock.is_unsettled and lock.reason is LockReason.DEBT
            if not (waits and as_if == "most"):
                assert lock.from_on is not None
                found.append(prices.Reduced(lock.from_on, None if waits else lock.to_on, lock.billed_percent))
        return found

    def cost(self, terms: Terms, row: LedgerEntry, last: date | None) -> tuple[int, int]:
        """Return what a charge's period costs, at least and at most, when its terms end on that day."""
        assert row.period_start is not None
        assert row.whole_minor is not None
        whole = terms.cycle.whole(row.period_start)
        end = whole.end if last is None else min(whole.end, last)
        if end < row.period_start:
            return 0, 0
        days = Period(row.period_start, end)
        least = prices.part_minor(row.whole_minor, whole, days, self.reductions(terms, as_if="least"))
        return least, prices.part_minor(row.whole_minor, whole, days, self.reductions(terms, as_if="most"))

    def of_share(self, terms: Terms, share: arithmetic.Share, unit_minor: int) -> int:
        """Return what a period costs that was not charged, one at that price."""
        whole = self.whole_of(terms, share, unit_minor)
        return prices.part_minor(whole, share.whole, share.period, self.reductions(terms, as_if="least"))

    def whole_of(self, terms: Terms, share: arithmetic.Share, unit_minor: int) -> int:
        """Return what the whole period costs then: letters and VAT of its days."""
        offs = [
            prices.Off(letter.percent_hundredths or 0, letter.amount_minor or 0)
            for given, letter in self.letters
            if terms.owner[0] == "subscription"
            and given.subscription_id in (None, terms.owner[1])
            and given.starts_on <= share.period.start
            and (given.ends_on is None or given.ends_on >= share.period.start)
        ]
        on = share.period.end if terms.is_postpaid else share.period.start
        vat = [
            one.percent_hundredths
            for one in self.percents
            if one.vat_rate_id == terms.vat_rate_id and one.valid_from <= on
        ]
        return prices.whole_minor(
            unit_minor,
            terms.quantity,
            offs,
            vat_hundredths=vat[-1] if vat else None,
            is_net=terms.is_net,
        )

    def is_credited_by_hand(self, row: LedgerEntry, asked: int, stands: int, cost: int) -> bool:
        """Say whether more stands than it costs because a person gave the rest back on its invoice.

        What settling gave back beside it, and somebody undid, may be given back anew; so may what a person
        gave and somebody undid: settling left it to him, and does so until the next change of the period.
        """
        invoice = documents.document_of(self.session, row.id)
        if invoice is None or invoice.kind is not DocumentKind.INVOICE:
            return False
        invoice = documents.get(self.session, invoice.id)
        left = crediting.creditable(self.session, invoice)
        position = next(line.position for line in invoice.lines if line.entry_id == row.id)
        taken_back = self.session.scalar(
            select(func.coalesce(func.sum(LedgerEntry.amount_minor), 0)).where(
                LedgerEntry.corrects_id == row.id,
                LedgerEntry.period_start.is_(None),
                LedgerEntry.id.in_(self.undone),
            )
        )
        return asked > cost and left[position] - (taken_back or 0) <= max(0, stands - asked)
