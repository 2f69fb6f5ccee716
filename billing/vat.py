"""VAT rates: names, and what each amounts to by date; what was charged by a percent keeps that percent."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from billing.models import Article, EntryKind, LedgerEntry, Liability, Plan, VatPercent, VatRate
from core import db, errors
from core.words import N_


@dataclass(frozen=True, slots=True)
class Step:
    """A percent (in hundredths) from a day on; `used_on` is the last day something was charged by it."""

    valid_from: date
    percent_hundredths: int
    used_on: date | None


def list_all(session: Session) -> list[VatRate]:
    """Return every rate with its percents, oldest first, by name."""
    query = select(VatRate).options(selectinload(VatRate.percents)).order_by(VatRate.name)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def get(session: Session, rate_id: int) -> VatRate:
    """Return the rate with its percents; raises NotFound."""
    query = select(VatRate).options(selectinload(VatRate.percents)).where(VatRate.id == rate_id)
    found = session.scalar(query.execution_options(populate_existing=True))
    if found is None:
        raise errors.NotFound("There is no such VAT rate")
    return found


def percent_on(rate: VatRate, day: date) -> int | None:
    """Return what the (loaded) rate amounts to on a day, hundredths of a percent; none before its first."""
    percents = [step.percent_hundredths for step in rate.percents if step.valid_from <= day]
    return percents[-1] if percents else None


def steps(session: Session, rate_id: int) -> list[Step]:
    """Return the percents of a rate, oldest first, and until when each was charged by."""
    known = get(session, rate_id).percents
    ends = [*(later.valid_from for later in known[1:]), None]
    return [
        Step(one.valid_from, one.percent_hundredths, _used_on(session, one, until))
        for one, until in zip(known, ends, strict=False)  # none known: one end too many
    ]


def create(session: Session, *, name: str, valid_from: date, percent_hundredths: int) -> VatRate:
    """Add a rate with its first percent; raises Invalid at the faulty field."""
    rate = VatRate(name=_name(name))
    _save(session, rate)
    add_percent(session, rate.id, valid_from=valid_from, percent_hundredths=percent_hundredths)
    return rate


def rename(session: Session, rate_id: int, *, name: str) -> VatRate:
    """Give a rate another name; raises Invalid, NotFound."""
    rate = get(session, rate_id)
    rate.name = _name(name)
    _save(session, rate)
    return rate


def add_percent(session: Session, rate_id: int, *, valid_from: date, percent_hundredths: int) -> None:
    """Let the rate amount to something else from a day on.

    Raises Invalid where the day has a percent already, or lies among days charged by the one before.
    """
    if not 0 <= percent_hundredths <= 10_000:
        raise errors.Invalid("Not a percent", {"percent": "A VAT percent is 0 to 100"})
    earlier = [step for step in steps(session, rate_id) if step.valid_from <= valid_from]
    last = earlier[-1] if earlier else None
    if last is not None and last.valid_from == valid_from:
        raise errors.Invalid("Taken", {"valid_from": "This day has a percent already"})
    if last is not None and last.used_on is not None and last.used_on >= valid_from:
        words = N_("Charged by the percent before up to %(day)s: begin after it", day=last.used_on)
        raise errors.Invalid("Charged already", {"valid_from": words})
    session.add(VatPercent(vat_rate_id=rate_id, valid_from=valid_from, percent_hundredths=percent_hundredths))
    session.flush()


def remove_percent(session: Session, rate_id: int, valid_from: date) -> None:
    """Take back a percent nothing was charged by; raises NotFound, Conflict."""
    known = steps(session, rate_id)
    step = next((one for one in known if one.valid_from == valid_from), None)
    if step is None:
        raise errors.NotFound("There is no such percent")
    if step.used_on is not None:
        raise errors.Conflict(N_("Charged by it up to %(day)s: it stays", day=step.used_on))
    if len(known) == 1:
        raise errors.Conflict("A VAT rate keeps one percent; remove the rate instead")
    session.delete(session.get_one(VatPercent, (rate_id, valid_from)))
    session.flush()


def users(session: Session, rate_id: int) -> dict[str, int]:
    """Return how many plans, liabilities and articles have the rate, by those words; none left out."""
    counts = {
        name: session.scalar(select(func.count()).where(kind.vat_rate_id == rate_id)) or 0
        for name, kind in (("plans", Plan), ("liabilities", Liability), ("articles", Article))
    }
    return {name: count for name, count in counts.items() if count}


def remove(session: Session, rate_id: int) -> None:
    """Remove a rate nothing has; raises NotFound, Conflict."""
    rate = get(session, rate_id)
    if users(session, rate_id):
        raise errors.Conflict(N_("%(name)s is in use and cannot be removed", name=rate.name))
    session.execute(delete(VatRate).where(VatRate.id == rate_id))  # the database takes its percents along


def _used_on(session: Session, step: VatPercent, until: date | None) -> date | None:
    """Return the last day in the percent's time on which anything charged was taxed by so much.

    A charge paid afterwards is dated the day after its period, and taxed on the period's last. An entry names
    its percent, not its rate: two rates of one percent hold each other, which errs safely.
    """
    dated_on = LedgerEntry.dated_on
    taxed_on = func.least(dated_on, func.coalesce(LedgerEntry.period_end, dated_on))
    query = select(taxed_on).where(
        LedgerEntry.kind == EntryKind.CHARGE,
        dated_on >= step.valid_from,
        taxed_on >= step.valid_from,
        LedgerEntry.vat_hundredths == step.percent_hundredths,
    )
    if until is not None:
        query = query.where(dated_on <= until, taxed_on < until)
    # By the index of days: no charge is dated more than a day after it is taxed, but one of closed days.
    return session.scalar(query.order_by(dated_on.desc(), taxed_on.desc()).limit(1))


def _name(name: str) -> str:
    if not 0 < len(name.strip()) <= 60:
        raise errors.Invalid("No name", {"name": "Write a name of at most 60 characters"})
    return name.strip()


def _save(session: Session, rate: VatRate) -> None:
    try:
        with db.part(session):
            session.add(rate)
    except IntegrityError as error:
        raise errors.Invalid("The name is taken", {"name": "Another VAT rate has this name"}) from error
