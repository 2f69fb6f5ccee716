"""The policy table on PostgreSQL: policy_table.md says who is cut, how far and why; here each row is made.

A row stands twice: as it is, and with the one fact changed that it is about. What the plan decides is then
carried out, and the debt locks are looked at.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import select

from billing import (
    cutoff,
    instalments,
    ledger,
    parts,
    pauses,
    plans,
    promises,
    subscriptions,
    suspensions,
    testing,
)
from billing.models import (
    AccessState,
    Account,
    AccountGroup,
    CutoffDecision,
    DunningNotice,
    EntryKind,
    LockReason,
    Method,
    PeriodKind,
    SuspensionLock,
)
from billing.rules import Rules, Step
from billing.subscriptions import Choice
from billing.verdicts import Reason

TABLE = Path(__file__).with_name("policy_table.md")
MONDAY = date(2026, 11, 23)
LONG_AGO = date(2026, 8, 1)
GROUPS = {"Schools": {}, "Hospital": {"is_never_cut": True}, "Offices": {"grace_days": 30}}
POLICY = Rules(
    minimum_debt_minor=500,
    grace_days=3,
    steps=(Step(0, AccessState.NOTICE), Step(7, AccessState.SLOW), Step(14, AccessState.CLOSED)),
    notice_days=30,
    skip_weekdays=(7,),
    yearly_holidays=((12, 25),),
    holidays=(date(2026, 12, 8),),
    brake_minimum=1000,
)


@dataclass(frozen=True)
class Row:
    """A row of the table: its facts and what is expected, and the same with one fact changed."""

    number: str
    facts: tuple[str, ...]
    expected: str
    changed: tuple[str, ...]
    then: str

    @property
    def cases(self):
        """The two customers a row stands for."""
        return {(self.number, "as it is"): self.facts, (self.number, "changed"): self.changed}


def key_of(fact):
    """Return what a fact is about; "no service" is about the service."""
    words = fact.split()
    return words[1] if words[0] == "no" else words[0]


def with_change(facts, change):
    """Return the facts with one left out, put in the place of the last of its kind, or added."""
    key = change.removeprefix("without ").split()[0] if change.startswith("without ") else key_of(change)
    places = [place for place, fact in enumerate(facts) if key_of(fact) == key]
    if change.startswith("without "):
        assert places, f"no fact about {key} in {facts}"
        return tuple(fact for fact in facts if key_of(fact) != key)
    if not places:
        return (*facts, change)
    return (*facts[: places[-1]], change, *facts[places[-1] + 1 :])


def rows():
    """Read the table."""
    found = []
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0].isdecimal():
            number, _, facts, outcome, reason, change, then = cells
            as_it_is = tuple(fact.strip() for fact in facts.split(";"))
            found.append(Row(number, as_it_is, f"{outcome}: {reason}", with_change(as_it_is, change), then))
    return found


ROWS = rows()


def day_of(facts):
    """Return the day on which it is decided."""
    said = [fact for fact in facts if key_of(fact) == "on"]
    return date.fromisoformat(said[0].split()[1]) if said else MONDAY


class Maker:
    """Makes customers of facts."""

    def __init__(self, session):
        self.session = session
        self.plan_id = testing.plan(session, 0).id
        offer = {"name": "Telephone", "price_minor": 0, "is_never_cut": True}
        self.telephone_id = plans.create(session, currency="EUR", **offer).id
        self.groups = {name: AccountGroup(name=name, **terms) for name, terms in GROUPS.items()}
        session.add_all(self.groups.values())
        session.flush()
        self.rules = Rules(
            **{name: getattr(POLICY, name) for name in Rules.__slots__ if name != "excluded_groups"},
            excluded_groups=(self.groups["Schools"].id,),
        )

    def customer(self, facts):
        """Return the account of the facts, taken in their order; that debt has cut is told last."""
        account = Account(currency="EUR")
        self.session.add(account)
        self.session.flush()
        days = {"begins": LONG_AGO, "ended": None}
        for fact in facts:
            if key_of(fact) == "service" and fact != "no service":
                days[fact.split()[1]] = date.fromisoformat(fact.split()[2])
        ids = []
        if "no service" not in facts:
            choice = Choice(self.telephone_id if "telephone" in facts else self.plan_id, bill_day=1)
            act = testing.act(days["begins"])
            made = subscriptions.start(self.session, account.id, act, choice=choice, starts_on=days["begins"])
            made.ends_on = days["ended"]
            ids = [made.id]
            self.session.flush()
        self.episode_on = None
        for fact in sorted(facts, key=lambda fact: key_of(fact) == "cut"):
            self.add(account, ids, key_of(fact), fact)
        self.session.flush()
        return account.id

    def add(self, account, ids, key, fact):
        """Let one fact be so."""
        dates = [date.fromisoformat(found) for found in re.findall(r"\d{4}-\d\d-\d\d", fact)]
        number = re.search(r"(\d+)\.(\d\d)\b", fact)
        minor = int(number[1]) * 100 + int(number[2]) if number else 0
        if key in {"frozen", "status", "cut"}:
            self.lock(ids, key, fact)
        elif key in {"never", "grace", "group", "credit"}:
            self.agree_on(account, key, fact.split()[1], (minor, dates[0] if dates else None))
        elif key == "owes":
            testing.charge(self.session, account.id, minor, due_on=dates[0])
            self.episode_on = self.episode_on or dates[0]
        elif key == "paid":
            self.pay(account, minor, dates[0])
        elif key in {"reminded", "undelivered"}:
            self.remind(account.id, dates[0], is_delivered=key == "reminded")
        elif key in {"promise", "instalments"}:
            (self.promise if key == "promise" else self.agree)(account, dates[0])
        elif key == "incident":
            pauses.place(self.session, [account.id], owner="incident 7", note="Incident 7: sw-1 is silent")
        else:
            assert key in {"service", "on", "telephone"}, fact

    def agree_on(self, account, key, word, credit):
        """Give the account terms of its own."""
        if key == "never":
            account.is_never_cut = True
        elif key == "grace":
            account.grace_days = int(word)
        elif key == "group":
            account.group_id = self.groups[word].id
        else:
            account.credit_limit_minor, account.credit_until = credit

    def lock(self, ids, key, fact):
        """Let a lock stand on the services."""
        reasons = {"frozen": LockReason.FREEZE, "status": LockReason.STATUS, "cut": LockReason.DEBT}
        word = fact.split()[-1]
        suspensions.place(
            self.session,
            ids,
            reasons[key],
            owner="test",
            note=f"The customer is {word}" if key == "status" else "",
            effect=AccessState(word) if key == "cut" else AccessState.CLOSED,
            today=LONG_AGO,
        )

    def pay(self, account, minor, on):
        """Book a payment; nothing is looked at again by it."""
        author, method = testing.AUTHOR, Method.CASH
        ledger.post(
            self.session, account.id, EntryKind.PAYMENT, minor, dated_on=on, author=author, method=method
        )

    def remind(self, account_id, on, *, is_delivered):
        """Write a reminder of the oldest bill so far into the outbox; delivered, it arrived that day."""
        notice = DunningNotice(
            account_id=account_id,
            episode_on=self.episode_on,
            days=(on - self.episode_on).days,
            run_on=on,
            amount_minor=3000,
            outcome="sent",
            delivered_on=on if is_delivered else None,
        )
        self.session.add(notice)

    def promise(self, account, until):
        """Let him promise the day before its last day."""
        made_on = until - timedelta(days=1)
        author = testing.AUTHOR
        promises.make(self.session, account.id, until=until, author=author, today=made_on, rules=self.rules)

    def agree(self, account, first_on):
        """Let him pay in two parts, a month apart."""
        self.session.refresh(account)
        agreed = parts.split(-account.balance_minor, 2, first_on, PeriodKind.MONTH)
        made_on = date(2026, 11, 1)
        author = testing.AUTHOR
        instalments.make(self.session, account.id, agreed, author=author, today=made_on, rules=self.rules)


def told(row):
    """Return a decision as the table writes it."""
    words = {"cut": f"cut to {row.effect.value}", "keep": f"keep {row.effect.value}", "spare": "spare"}
    return f"{words.get(row.action.value, f'lift to {row.effect.value}')}: {row.reason}"


def stands(session, account_ids):
    """Return how far debt has cut each of the accounts."""
    query = select(SuspensionLock).where(
        SuspensionLock.reason == LockReason.DEBT, SuspensionLock.lifted_at.is_(None)
    )
    locks = {lock.subscription_id: lock.effect.value for lock in session.scalars(query)}
    of = {
        one.account_id: one.id
        for one in session.scalars(select(subscriptions.Subscription))
        if one.account_id in account_ids
    }
    return {key: locks.get(of.get(key), "open") for key in account_ids}


def decide(session, on, cases):
    """Return what a plan of that day decides of each case, and how far it is cut once that is carried out."""
    maker = Maker(session)
    accounts = {maker.customer(facts): case for case, facts in cases.items()}
    run = cutoff.plan(session, on, rules=maker.rules, planned_by="test")
    decisions = session.scalars(select(CutoffDecision).where(CutoffDecision.run_id == run.id))
    said = {row.account_id: told(row) for row in decisions}
    cutoff.apply(session, run.id, approved_by="test", force=True, today=on)
    after = stands(session, accounts.keys())
    return {case: (said.get(key, "nothing: none"), after[key]) for key, case in accounts.items()}


def line_after(words):
    """Return how far the table says a line is cut then."""
    what = words.split(":")[0]
    return "open" if what in {"spare", "nothing"} else what.split()[-1]


def test_each_row_is_decided_as_the_table_says_and_by_its_own_fact(worker_database):
    by_day = defaultdict(dict)
    expected = {}
    for row in ROWS:
        for case, facts in row.cases.items():
            by_day[day_of(facts)][case] = facts
        expected[row.number, "as it is"], expected[row.number, "changed"] = row.expected, row.then
    found = {}
    for on, cases in by_day.items():
        with worker_database.rehearsal() as session:
            found |= decide(session, on, cases)
    assert {case: words for case, (words, _) in found.items()} == expected
    assert {case: effect for case, (_, effect) in found.items()} == {
        case: line_after(words) for case, words in expected.items()
    }


def test_the_table_has_every_reason_and_forty_customers_at_least():
    reasons = {row.expected.split(": ")[1] for row in ROWS} - {"none"}
    # A deferral is a person's word on one row of a plan: test_cutoff_review.py.
    assert reasons == {reason.value for reason in Reason} - {"deferred"}
    assert len(ROWS) >= 40
    assert not [row.number for row in ROWS if row.then == row.expected]
