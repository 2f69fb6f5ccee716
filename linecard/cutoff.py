"""`linecard cutoff --dry-run`: what the night job would do on a date, and why; nothing is changed."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import acts, ledger, night, policies
from billing.models import CutoffDecision, CutoffRun
from core import clock, db, money
from core.settings import Settings
from linecard import embedded
from registry.models import Customer


def show_plan(settings: Settings, on: date | None) -> int:
    """Print charges, promises and every decision of the plan for the business date; returns 0."""
    on = on or clock.today(settings.isp.time_zone)
    with embedded.attached(settings) as urls:
        database = db.Database(db.engine_of(urls.database))
        try:
            act = acts.Act(on, acts.terms_of(settings), ledger.Author("dry run"))
            with database.reading() as session:
                limits = policies.in_force(session, settings)
            found = night.rehearse(database, act, rules=limits)
            with database.reading() as session:
                who = customers_of(session, {decision.account_id for decision in found.decisions})
        finally:
            database.dispose()
    print(f"Night of {on}, rehearsed; nothing is changed.\n")
    for line in lines_of(found.run, found.decisions, who, settings.isp.currency):
        print(line)
    return 0


def customers_of(session: Session, account_ids: set[int]) -> dict[int, str]:
    """Return number and name of the customers of these accounts, by account."""
    found = session.scalars(select(Customer).where(Customer.account_id.in_(account_ids)))
    return {customer.account_id: f"{customer.number} {customer.name}" for customer in found}


def lines_of(
    run: CutoffRun, decisions: tuple[CutoffDecision, ...], who: dict[int, str], currency: str
) -> list[str]:
    """Write the plan for people: those it acts on first, the reason in words, the brake at the end."""
    order = {"cut": 0, "lift": 1, "keep": 2, "spare": 3}
    lines = []
    for decision in sorted(decisions, key=lambda one: (order.get(one.action.value, 9), one.account_id)):
        owed = money.format_money(money.Money(decision.overdue_minor, currency))
        name = who.get(decision.account_id, f"account {decision.account_id}")[:36]
        lines.append(f"{decision.action.value:<6} {name:<36} {owed:>14}  {decision.explanation}")
    lines.append("")
    lines.append(
        f"{run.cut_count} cut, {run.lift_count} let in, {run.keep_count} stay cut, {run.spare_count} spared."
    )
    lines += [f"BRAKE: {reason}" for reason in run.brake_reasons]
    return lines
