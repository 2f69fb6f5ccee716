"""What an act would do, shown before it is done: rehearsed, looked at and undone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response, render_template
from flask_babel import gettext
from sqlalchemy.orm import Session

from billing import acts, effects
from billing.acts import Act
from core import clock, errors
from core.money import Money
from registry import money, tills
from webapp import identity, runtime, texts


class Unready(errors.Invalid):
    """Something is still to be filled in before anything can be said."""

    def __init__(self) -> None:
        super().__init__(gettext("Fill in the rest to see what it does."))


@dataclass(frozen=True, slots=True)
class Refused:
    """Why it cannot be done as chosen."""

    refusals: tuple[str, ...]
    is_unready: bool


Shown = effects.Effect | Refused


def of(customer_id: int, do: Callable[[Session, Act], object]) -> Shown:
    """Return what it would do, or why it cannot be done as chosen."""
    found = runtime.current()
    today = clock.today(found.settings.isp.time_zone)
    act = acts.Act(today, acts.terms_of(found.settings), money.author(identity.actor()))
    with found.database.rehearsal() as session:
        account = tills.account(session, customer_id)
        try:
            return effects.of(session, account.id, act, lambda: do(session, act))
        except (errors.Invalid, errors.Conflict, errors.NotFound) as error:
            return _refused(error)


def _refused(error: errors.Invalid | errors.Conflict | errors.NotFound) -> Refused:
    fields = error.fields if isinstance(error, errors.Invalid) else {}
    words = tuple(dict.fromkeys(fields.values())) or (error.message,)
    return Refused(tuple(map(texts.tell, words)), isinstance(error, Unready))


def fragment(effect: Shown, currency: str, form: Any = None) -> Response:
    """Answer with the effect; with the fields of billing too where another plan asks for others."""
    shown = render_template(
        "cashier/_effect.html", effect=effect, currency=currency, as_money=Money, form=form, is_answer=True
    )
    return Response(shown)
