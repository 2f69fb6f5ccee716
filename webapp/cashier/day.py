"""What every page of the cashier goes by: the business day, the rules, and the gates that must be woken."""

from datetime import date

from sqlalchemy.orm import Session

from billing import acts, rules
from core import clock
from registry import dunning
from webapp import runtime, waking


def today() -> date:
    """Return the business day of the ISP."""
    return clock.today(runtime.current().settings.isp.time_zone)


def limits(session: Session | None = None) -> rules.Rules:
    """Return the rules of cutting off in force; where a session is open, it is read through that."""
    return runtime.current().policy.rules(session)


def grace_days(session: Session | None = None) -> int:
    """Return the grace of accounts without their own."""
    return limits(session).grace_days


def sender() -> dunning.Sender:
    """Return who writes to customers, by the settings."""
    isp = runtime.current().settings.isp
    return dunning.Sender(isp.name, isp.locale, isp.time_zone)


def terms() -> acts.Terms:
    """Return how accounts without terms of their own are charged."""
    return acts.terms_of(runtime.current().settings)


wake_gates = waking.wake_gates
let_in = waking.let_in
