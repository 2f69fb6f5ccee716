"""What every page of the cashier goes by: the business day, the rules, and the gates that must be woken."""

from datetime import date

from sqlalchemy.orm import Session

from billing import acts, rules
from core import clock, db
from registry import dunning
from tasks import enqueue
from webapp import runtime


def today() -> date:
    """Return the business day of the ISP."""
    return clock.today(runtime.current().settings.isp.time_zone)


def limits() -> rules.Rules:
    """Return the rules of cutting off, by the settings."""
    return rules.rules_of(runtime.current().settings)


def grace_days() -> int:
    """Return the grace of accounts without their own."""
    return runtime.current().settings.cutoff.grace_days


def sender() -> dunning.Sender:
    """Return who writes to customers, by the settings."""
    isp = runtime.current().settings.isp
    return dunning.Sender(isp.name, isp.locale)


def terms() -> acts.Terms:
    """Return how accounts without terms of their own are charged."""
    return acts.terms_of(runtime.current().settings)


def wake_gates(session: Session) -> None:
    """Have the gate worker look, once the change is written; the sweep finds it anyway if this is lost."""
    now = runtime.current()
    pop = now.settings.diagnostics.default_pop
    db.after_commit(session, lambda: enqueue.sweep_access(now.queue, pop=pop))
