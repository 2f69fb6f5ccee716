"""What every page of the cashier goes by: the business day, the rules, and the gates that must be woken."""

from datetime import date

from billing import acts, rules
from core import clock
from registry import dunning
from webapp import runtime, waking


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


wake_gates = waking.wake_gates
