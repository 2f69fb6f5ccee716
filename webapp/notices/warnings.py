"""Warnings: set and taken back by one press, for many with a text, and whether they lead anywhere."""

from flask import Response, render_template, request, url_for
from flask_babel import gettext, lazy_gettext, ngettext
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectField
from wtforms.validators import Length

from core import errors
from desk import leading, warning
from registry import customers, lines
from webapp import customer_filter, identity, permissions, rendering, runtime, waking
from webapp.forms import Form, ParagraphField, choices
from webapp.notices import whom as whom_of


class WarningForm(Form):
    """Whether customers are warned or no more, and what they read."""

    act = RadioField(
        lazy_gettext("What to do"),
        choices=choices(("set", lazy_gettext("Warn")), ("withdraw", lazy_gettext("Take the warning back"))),
        default="set",
    )
    line_id = SelectField(lazy_gettext("Line"), coerce=int, default=0)
    content = ParagraphField(
        lazy_gettext("What the customer reads"),
        [Length(max=warning.LONGEST)],
        render_kw={"rows": 4},
        description=lazy_gettext("Nothing written: he is asked to call."),
    )


@permissions.required("notice.give")
def warn() -> Response:
    """Ask what to do with the customers the URL names, and do it."""
    with runtime.current().database.reading() as session:
        whom = whom_of.asked(session)
        own = lines.choices(session, whom.ids[0]) if len(whom.ids) == 1 else []
        is_leading = leading.is_warning_leading(session)
    form = WarningForm()
    form.line_id.choices = [(0, gettext("all lines")), *((line.id, line.plan) for line in own)]
    if form.accept(lambda: _do(form)):
        _say(form.result.count, is_set=form.act.data == "set")
        return _back(whom.ids[0] if len(whom.ids) == 1 else None)
    page = render_template(
        "notices/warn.html",
        form=form,
        whom=whom,
        has_lines=len(own) > 1,
        is_leading=is_leading,
        cancel_url=url_for("customers.listing", **customer_filter.given()),
    )
    return Response(page, form.status)


def _do(form: WarningForm) -> warning.Changed:
    line_id = form.line_id.data or None
    with runtime.current().database.transaction() as session:
        ids, actor, today = whom_of.asked(session).ids, identity.actor(), runtime.today()
        if form.act.data == "withdraw":
            done = warning.withdraw(session, actor, ids, line_id=line_id, today=today)
        else:
            content = form.content.data or ""
            done = warning.give(session, actor, ids, line_id=line_id, content=content, today=today)
        _wake(session, done.lines)
    return done


@permissions.required("notice.give")
def warn_one(customer_id: int) -> Response:
    """Warn one customer, or one of his lines, or take it back: one press, in the list or on the card."""
    is_set = request.form.get("is_set") == "1"
    asked = request.form.get("line_id", "")
    if asked and not (asked.isascii() and asked.isdigit() and len(asked) < 19):
        raise errors.NotFound("There is no such line")
    line_id = int(asked) if asked else None
    with runtime.current().database.transaction() as session:
        customers.get(session, customer_id)
        act, actor = (warning.give if is_set else warning.withdraw), identity.actor()
        done = act(session, actor, [customer_id], line_id=line_id, today=runtime.today())
        _wake(session, done.lines)
    _say(done.count, is_set=is_set)
    return _back(customer_id)


@permissions.required("notice.give")
def switch() -> Response:
    """Lead warned customers to their page, or no more."""
    is_on = request.form.get("is_on") == "1"
    with runtime.current().database.transaction() as session:
        _wake(session, warning.switch(session, identity.actor(), is_on=is_on, today=runtime.today()))
    words = gettext("Warned customers are led to their page.")
    rendering.say(words if is_on else gettext("A warning leads nobody anywhere any more."))
    return rendering.go("notices.listing")


def _say(count: int, *, is_set: bool) -> None:
    if is_set:
        rendering.say(ngettext("%(num)s customer is warned.", "%(num)s customers are warned.", count))
    else:
        words = ngettext(
            "The warning of %(num)s customer is taken back.",
            "The warnings of %(num)s customers are taken back.",
            count,
        )
        rendering.say(words)


def _back(customer_id: int | None) -> Response:
    """Lead back to the list the button was pressed on; else to the card, or for many to the warned."""
    listing = url_for("customers.listing")
    path, _, query = request.form.get("back", "").partition("?")
    if path == listing:
        return rendering.go_to(f"{listing}?{query}" if query else listing)
    if customer_id is not None:
        return rendering.go("customers.card", customer_id=customer_id)
    return rendering.go("customers.listing", warned=1)


def _wake(session: Session, moved: tuple[int, ...]) -> None:
    if moved:
        waking.wake_gates(session)
