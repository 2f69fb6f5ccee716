"""Instalments: agreed on by count or by hand, ended with a reason, and the list of them, also as a file."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from flask import Response, abort, render_template, request
from flask_babel import gettext, lazy_gettext
from wtforms import DateField, IntegerField, SelectField
from wtforms.validators import InputRequired, Length, NumberRange

from billing import parts
from billing.models import PeriodKind
from billing.parts import Part
from core.money import Money
from registry import instalments, spreadsheets
from registry.instalments import PlanFilter
from registry.keyset import Marks, order
from webapp import asked, downloads, identity, permissions, rendering, runtime, texts
from webapp.cashier import day, pages
from webapp.forms import REQUIRED, Form, MoneyField, OnceForm, TextField, choices

DEFAULT_COUNT = 3
FILE_PAGE = 1000


class EndForm(Form):
    """Why instalments end."""

    reason = TextField(lazy_gettext("Reason"), [InputRequired(REQUIRED), Length(max=300)])


def parts_form(currency: str, count: int) -> Any:
    """Return the form of so many instalments: a day and a sum for each."""

    class PartsForm(OnceForm):
        """How a debt is split."""

        count = IntegerField(
            lazy_gettext("How many"),
            [InputRequired(REQUIRED), NumberRange(2, day.limits().instalments_limit)],
        )
        first_on = DateField(lazy_gettext("The first by"), [InputRequired(REQUIRED)])
        every = SelectField(
            lazy_gettext("Each after the other by"),
            choices=choices(
                (PeriodKind.MONTH, lazy_gettext("a month")), (PeriodKind.WEEK, lazy_gettext("a week"))
            ),
        )
        note = TextField(
            lazy_gettext("Note"), [Length(max=300)], description=lazy_gettext("Who called, what was agreed")
        )

        def agreed(self) -> list[Part]:
            """Return the parts as they were written."""
            return [
                Part(one.data, self[f"sum_{number}"].data.minor) for number, one in enumerate(self.days, 1)
            ]

        @property
        def days(self) -> list[Any]:
            """The fields of the days, in order."""
            return [self[f"day_{number}"] for number in range(1, count + 1)]

        @property
        def rows(self) -> list[tuple[Any, Any]]:
            """The fields of day and sum of each part."""
            return [(one, self[f"sum_{number}"]) for number, one in enumerate(self.days, 1)]

    for number in range(1, count + 1):
        by = DateField(lazy_gettext("By the end of"), [InputRequired(REQUIRED)])
        amount = MoneyField(lazy_gettext("Sum"), [InputRequired(REQUIRED)], currency=currency)
        setattr(PartsForm, f"day_{number}", by)
        setattr(PartsForm, f"sum_{number}", amount)
    return PartsForm


@permissions.required("promise.give")
def agree(customer_id: int) -> Response:
    """Agree on instalments of the whole debt; it does not cut while they are kept."""
    till = pages.till(customer_id)
    count = _count(request.form.get("count", ""))
    first_on = parts.split(1, 2, day.today())[1].due_on
    form = parts_form(till.currency, count)(**_filled(till.owed, count, first_on, PeriodKind.MONTH))
    if form.accept(lambda: _agree(customer_id, form)):
        rendering.say(gettext("The instalments are agreed on; debt does not cut while they are kept."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    return pages.form_page("agree_instalments", gettext("Pay by instalments"), till, form)


def _agree(customer_id: int, form: Any) -> None:
    with runtime.current().database.transaction() as session:
        made = instalments.make(
            session,
            identity.actor(),
            customer_id,
            form.agreed(),
            note=form.note.data or "",
            today=day.today(),
            rules=day.limits(session),
            idempotency_key=form.once,
        )
        if made.reopened:
            day.wake_gates(session)


@permissions.required("promise.give")
def split(customer_id: int) -> Response:
    """Split the debt into so many equal parts, as fields to be changed by hand."""
    till = pages.till(customer_id)
    count = _count(request.args.get("count", ""))
    every = asked.choice("every", (PeriodKind.WEEK, PeriodKind.MONTH)) or PeriodKind.MONTH
    values = _filled(till.owed, count, asked.day("first_on") or day.today(), every)
    form = parts_form(till.currency, count)(formdata=None, **values)
    return Response(render_template("cashier/_instalment_parts.html", form=form, till=till))


def _count(text: str) -> int:
    count = int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else DEFAULT_COUNT
    return min(max(2, count), day.limits().instalments_limit)


def _filled(owed: Money, count: int, first_on: date, every: PeriodKind) -> dict[str, Any]:
    values: dict[str, Any] = {"count": count, "first_on": first_on, "every": every}
    is_in_reach = first_on.year < day.today().year + 10
    for number, part in enumerate(parts.split(owed.minor, count, first_on, every) if is_in_reach else (), 1):
        values |= {f"day_{number}": part.due_on, f"sum_{number}": Money(part.amount_minor, owed.currency)}
    return values


@permissions.required("promise.give")
def end(plan_id: int) -> Response:
    """End instalments by hand, with a reason: the next plan may cut."""
    with runtime.current().database.reading() as session:
        found = instalments.get(session, plan_id, today=day.today(), rules=day.limits(session))
    if found is None or found.customer_id is None:
        abort(404)
    form = EndForm()
    if form.accept(lambda: _end(plan_id, form)):
        rendering.say(gettext("The instalments are ended; the next plan may cut."))
        return rendering.go("cashier.statement", customer_id=found.customer_id)
    till = pages.till(found.customer_id)
    return pages.form_page("end_instalments", gettext("End the instalments"), till, form, row=found)


def _end(plan_id: int, form: EndForm) -> None:
    with runtime.current().database.transaction() as session:
        instalments.end(session, identity.actor(), plan_id, reason=form.reason.data or "")


@permissions.required("cutoff.view")
def listing() -> Response:
    """List the plans, the newest first."""
    filters, sort = _filters(), _sort()
    with runtime.current().database.reading() as session:
        rows, mark = instalments.page(
            session,
            filters,
            sort=sort,
            after=request.args.get("after"),
            today=day.today(),
            rules=day.limits(session),
        )
    return rendering.page_or_fragment(
        "cashier/instalments.html",
        "cashier/instalments.html",
        rows=rows,
        next=mark,
        filters=filters,
        sort=sort,
        states=instalments.STATES,
        is_filtered=filters != PlanFilter(),
    )


@permissions.required("report.read")
def file(ending: str) -> Response:
    """The list as a file: every row the filters leave, in its order."""
    identity.demand("cutoff.view")
    if ending not in downloads.ENDINGS:
        abort(404)
    table = downloads.Table(f"instalments-{day.today().isoformat()}", ending)
    table.write(gettext("Instalments"), _heads(), (_cells(row) for row in _every()))
    return table.answer()


def _heads() -> list[str]:
    return [
        gettext("Customer number"),
        gettext("Customer"),
        gettext("Agreed on"),
        gettext("Instalments"),
        gettext("Last by"),
        gettext("Sum"),
        gettext("Left to pay"),
        gettext("Missing"),
        gettext("Currency"),
        gettext("State"),
        gettext("Why it ended"),
    ]


def _cells(row: instalments.PlanRow) -> tuple[spreadsheets.Value, ...]:
    return (
        row.number,
        row.name,
        row.plan.made_on,
        len(row.parts),
        row.last_on,
        row.total,
        row.open,
        row.missing,
        row.currency,
        _state(row.state),
        texts.tell(row.plan.reason),
    )


def _state(word: str) -> str:
    return {
        "active": gettext("stands"),
        "behind": gettext("behind"),
        "kept": gettext("kept"),
        "broken": gettext("not kept"),
        "withdrawn": gettext("taken back"),
    }[word]


def _every() -> Iterator[instalments.PlanRow]:
    filters, sort = _filters(), _sort()

    def page(after: str | None) -> tuple[Sequence[instalments.PlanRow], Marks]:
        with runtime.current().database.reading() as session:
            return instalments.page(
                session,
                filters,
                sort=sort,
                after=after,
                today=day.today(),
                rules=day.limits(session),
                limit=FILE_PAGE,
            )

    return downloads.every(page)


def _filters() -> PlanFilter:
    return PlanFilter(
        text=asked.text(),
        state=asked.word("state", instalments.STATES),
        first_day=asked.day("from"),
        last_day=asked.day("to"),
    )


def _sort() -> str:
    return order(request.args.get("sort", ""), instalments.KEYS, instalments.USUAL_SORT)
