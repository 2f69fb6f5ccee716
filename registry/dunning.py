"""Reminders of debt, as they reach people: who is written to, in which language, once a step and episode.

The letter is a row of the outbox, written with the notice of it in one transaction; nothing is sent here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from babel.dates import format_date
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from billing import debt, dunning
from billing.dunning import Reminder
from billing.models import Account, Channel, DunningNotice, DunningStep, Payer
from billing.rules import Rules
from core import clock, db, errors
from core.columns import any_of
from core.money import Money, format_money
from core.words import N_
from registry import audit, outbox
from registry.models import Contact, Customer, OutboxChannel, OutboxMessage, OutboxStatus

# What stands in a text in braces, and is filled in.
FIELDS = ("name", "number", "sum", "balance", "due", "days", "isp")
SUBJECT, BODY = "subject", "body"
# What its letters are called in the outbox.
KIND = "dunning"
# Three joined text messages of letters outside the GSM alphabet.
SMS_LIMIT = 201


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes, the language for those who have none of their own, and where its days begin."""

    isp: str
    locale: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A reminder with the person it goes to; without an address it goes nowhere."""

    reminder: Reminder
    customer_id: int
    number: str
    name: str
    address: str
    locale: str

    @property
    def amount(self) -> Money:
        """What it asks for."""
        return Money(self.reminder.amount_minor, self.reminder.currency)


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """A step that was taken."""

    id: int
    customer_id: int | None
    name: str
    number: str
    days: int
    episode_on: date
    run_on: date
    amount: Money
    channel: Channel
    outcome: str
    address: str


def tonight(session: Session, on: date, *, rules: Rules, sender: Sender) -> list[Letter]:
    """Return the reminders a run on that day would write, by account."""
    found = dunning.due(session, on, rules=rules, time_zone=sender.time_zone)
    return _letters(session, found, sender)


def run(session: Session, actor: audit.Actor, on: date, *, rules: Rules, sender: Sender) -> dict[str, int]:
    """Write the day's reminders into the outbox, each step once in an episode; return how many of which."""
    texts = {step.id: step.texts for step in dunning.steps(session)}
    counted: Counter[str] = Counter()
    for letter in tonight(session, on, rules=rules, sender=sender):
        found = letter.reminder
        words = _words(letter, texts[found.step_id], sender) if letter.address else None
        outcome = "sent" if words else "no_text" if letter.address else "no_address"
        if not _note(session, letter, on, outcome):
            continue
        counted[outcome] += 1
        if words:
            outbox.put(
                session,
                actor,
                unique_key=dunning.key_of(found.account_id, found.episode_on, found.days),
                kind=KIND,
                address=letter.address,
                channel=OutboxChannel(found.channel),
                subject=words[0] if found.channel is Channel.EMAIL else "",
                body=words[1],
                customer_id=letter.customer_id,
                account_id=found.account_id,
            )
    return dict(counted)


def withdraw_paid(session: Session, on: date, *, rules: Rules) -> int:
    """Take back letters that still wait for the mail server while what they ask for was paid; how many.

    A letter of a step before the day asks for what is not due yet: it goes while anything is owed.
    """
    waiting = session.execute(
        select(OutboxMessage.unique_key, OutboxMessage.account_id).where(
            OutboxMessage.status == OutboxStatus.WAITING,
            OutboxMessage.kind == KIND,
            # Later is the turn of one that somebody is sending now.
            OutboxMessage.next_try_at <= clock.now(),
        )
    ).all()
    if not waiting:
        return 0
    found = debt.overdue_by_account(on, 0, account_ids={row.account_id for row in waiting})
    owing = dict(session.execute(select(found.c.account_id, found.c.past_due_minor)).all())
    settled = [
        row.unique_key
        for row in waiting
        if row.account_id not in owing
        or (dunning.days_of(row.unique_key) > 0 and not rules.is_cuttable(owing[row.account_id]))
    ]
    return outbox.withdraw(session, settled) if settled else 0


def get_step(session: Session, step_id: int) -> DunningStep:
    """Return the step; raises NotFound."""
    found = session.get(DunningStep, step_id)
    if found is None:
        raise errors.NotFound("There is no such step")
    return found


def save_step(
    session: Session,
    actor: audit.Actor,
    step_id: int | None,
    *,
    days: int,
    is_on: bool,
    channel: Channel = Channel.EMAIL,
    texts: Mapping[str, Mapping[str, str]],
) -> DunningStep:
    """Add a step, or change it; a language left empty has no text. Raises Invalid at the faulty field.

    The field of a text is named with its language: `body_en`.
    """
    kept = {language: dict(text) for language, text in texts.items() if text[BODY].strip()}
    if not -60 <= days <= 365:
        raise errors.Invalid("Not a step", {"days": N_("Steps are 60 days before to 365 days after")})
    if not kept:
        words = N_("Write the text in one language at least")
        raise errors.Invalid("No text", {f"{BODY}_{language}": words for language in list(texts)[:1]})
    long = [language for language, text in kept.items() if len(text[BODY]) > SMS_LIMIT]
    if channel is Channel.SMS and long:
        words = N_("A text message has at most %(count)s characters", count=SMS_LIMIT)
        raise errors.Invalid("Too long", {f"{BODY}_{language}": words for language in long})
    step = DunningStep() if step_id is None else get_step(session, step_id)
    before = _facts(step)
    step.days, step.is_on, step.channel, step.texts = days, is_on, channel, kept
    try:
        with db.part(session):
            session.add(step)
    except IntegrityError as error:
        raise errors.Invalid("Twice", {"days": N_("There is a step on this day already")}) from error
    action = "dunning_step.created" if step_id is None else "dunning_step.changed"
    changes = audit.difference(before, _facts(step))
    audit.record(session, actor, action, object_kind="dunning_step", object_id=step.id, changes=changes)
    return step


def remove_step(session: Session, actor: audit.Actor, step_id: int) -> None:
    """Remove a step; what was sent of it stays known. Raises NotFound."""
    step = get_step(session, step_id)
    changes = audit.difference(_facts(step), dict.fromkeys(_facts(step)))
    action = "dunning_step.removed"
    audit.record(session, actor, action, object_kind="dunning_step", object_id=step_id, changes=changes)
    session.delete(step)
    session.flush()


def _facts(step: DunningStep) -> dict[str, Any]:
    """Return what a step is, its texts in every language too: a letter sent long ago can be read again."""
    return {"days": step.days, "is_on": step.is_on, "channel": step.channel, "texts": step.texts}


def _letters(session: Session, found: Sequence[Reminder], sender: Sender) -> list[Letter]:
    ids = [one.account_id for one in found]
    rows = session.execute(
        select(Customer, Payer.language)
        .join(Account, Account.id == Customer.account_id)
        .outerjoin(Payer, Payer.id == Account.payer_id)
        .where(Account.id == any_of(ids))
    )
    people = {row.Customer.account_id: row for row in rows}
    addresses = _addresses(session, [row.Customer.id for row in people.values()])
    return [
        Letter(
            reminder=one,
            customer_id=people[one.account_id].Customer.id,
            number=people[one.account_id].Customer.number,
            name=people[one.account_id].Customer.name,
            address=addresses.get((people[one.account_id].Customer.id, one.channel), ""),
            locale=people[one.account_id].language or sender.locale,
        )
        for one in found
        if one.account_id in people
    ]


def _addresses(session: Session, customer_ids: Sequence[int]) -> dict[tuple[int, Channel], str]:
    """Return where each customer takes reminders, by channel: the first contact's who agreed to it."""
    agreed = {
        Channel.EMAIL: (Contact.email, Contact.takes_reminders),
        Channel.SMS: (Contact.phone, Contact.takes_sms),
    }
    found: dict[tuple[int, Channel], str] = {}
    for channel, (address, consent) in agreed.items():
        rows = session.execute(
            select(Contact.customer_id, address)
            .where(Contact.customer_id == any_of(customer_ids), address != "", consent)
            .order_by(Contact.is_primary, Contact.id.desc())
        )
        found |= {(row[0], channel): row[1] for row in rows}
    return found


def _words(letter: Letter, texts: Mapping[str, Any], sender: Sender) -> tuple[str, str] | None:
    """Return subject and body in the customer's language, else the ISP's, else any; None without a text."""
    wanted = (letter.locale.partition("_")[0], sender.locale.partition("_")[0], *texts)
    language = next((one for one in wanted if one in texts), None)
    if language is None:
        return None
    found = letter.reminder
    values = {
        "name": letter.name,
        "number": letter.number,
        "sum": format_money(letter.amount, letter.locale),
        "balance": format_money(Money(found.balance_minor, found.currency), letter.locale),
        "due": format_date(found.oldest_on, "long", locale=language),
        "days": str(abs(found.days)),
        "isp": sender.isp,
    }
    text = texts[language]
    return _fill(text.get(SUBJECT, ""), values), _fill(text[BODY], values)


def _fill(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def _note(session: Session, letter: Letter, on: date, outcome: str) -> bool:
    """Write the notice down; False when the episode has this step already."""
    found = letter.reminder
    written = session.scalar(
        insert(DunningNotice)
        .values(
            account_id=found.account_id,
            episode_on=found.episode_on,
            step_id=found.step_id,
            days=found.days,
            run_on=on,
            amount_minor=found.amount_minor,
            channel=found.channel,
            outcome=outcome,
            address=letter.address,
        )
        .on_conflict_do_nothing(index_elements=["account_id", "episode_on", "days"])
        .returning(DunningNotice.id)
    )
    return written is not None
