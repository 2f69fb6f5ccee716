"""What an act would do, shown before it is done: rehearsed, looked at and undone."""

from collections.abc import Callable
from typing import Any

from flask import Response, render_template
from sqlalchemy.orm import Session

from billing import acts, effects
from billing.acts import Act
from core import clock, errors
from core.money import Money
from registry import money, tills
from webapp import identity, runtime


def of(customer_id: int, do: Callable[[Session, Act], object]) -> effects.Effect | None:
    """Return what it would do; none while it cannot be done as chosen."""
    found = runtime.current()
    today = clock.today(found.settings.isp.time_zone)
    act = acts.Act(today, acts.terms_of(found.settings), money.author(identity.actor()))
    with found.database.rehearsal() as session:
        account = tills.account(session, customer_id)
        try:
            return effects.of(session, account.id, act, lambda: do(session, act))
        except (errors.Invalid, errors.Conflict, errors.NotFound):
            return None


def fragment(effect: effects.Effect | None, currency: str, form: Any = None) -> Response:
    """Answer with the effect; with the fields of billing too where another plan asks for others."""
    shown = render_template(
        "cashier/_effect.html", effect=effect, currency=currency, as_money=Money, form=form, is_answer=True
    )
    return Response(shown)
