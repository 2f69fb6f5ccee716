"""Give a notice to chosen customers or to all who match, or take it back from them."""

from dataclasses import dataclass

from flask import Response, render_template, request, url_for
from flask_babel import gettext, lazy_gettext, ngettext
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectField
from wtforms.validators import InputRequired

from core import errors
from desk import notices
from registry import lines, listing
from webapp import customer_filter, identity, permissions, rendering, runtime, waking
from webapp.forms import REQUIRED, Form, choices

MOST_CHOSEN = 500


@dataclass(frozen=True, slots=True)
class Whom:
    """Whom an act is about; `name` is the customer's where there is one alone."""

    ids: list[int]
    is_all: bool
    name: str = ""


class GiveForm(Form):
    """Which notice, and whether it is given or taken back."""

    notice_id = SelectField(lazy_gettext("Notice"), [InputRequired(REQUIRED)], coerce=int)
    line_id = SelectField(lazy_gettext("Line"), coerce=int, default=0)
    act = RadioField(
        lazy_gettext("What to do"),
        choices=choices(("give", lazy_gettext("Give it")), ("withdraw", lazy_gettext("Take it back"))),
        default="give",
    )


@permissions.required("notice.give")
def give() -> Response:
    """Ask which notice, and do it; the URL says to whom: `customer`, or `all` and the filters."""
    with runtime.current().database.reading() as session:
        whom = _whom(session)
        known = notices.known(session)
        own = lines.choices(session, whom.ids[0]) if len(whom.ids) == 1 else []
    form = GiveForm()
    form.notice_id.choices = [(one.id, _name(one)) for one in known]
    form.line_id.choices = [(0, gettext("all lines")), *((line.id, line.plan) for line in own)]
    if form.accept(lambda: _do(form)):
        return _said(form)
    page = render_template(
        "notices/give.html",
        form=form,
        whom=whom,
        has_lines=len(own) > 1,
        has_notices=bool(known),
        cancel_url=url_for("customers.listing", **customer_filter.given()),
    )
    return Response(page, form.status)


def _name(notice: notices.Notice) -> str:
    return notice.title if notice.is_on else gettext("%(title)s (is off)", title=notice.title)


def _whom(session: Session) -> Whom:
    """Return whom the URL names; raises Invalid when it names nobody."""
    if request.args.get("all") == "1":
        filters = customer_filter.asked(has_money=identity.may("money.view"))
        return Whom(listing.ids(session, filters, today=runtime.today()), is_all=True)
    asked = [text for text in request.args.getlist("customer") if text.isascii() and text.isdigit()]
    ids = sorted({int(text) for text in asked if len(text) < 19})[:MOST_CHOSEN]
    if not ids:
        raise errors.Invalid("Choose customers in the list first: tick the boxes before their numbers")
    return Whom(ids, is_all=False)


def _do(form: GiveForm) -> notices.Given:
    with runtime.current().database.transaction() as session:
        whom = _whom(session)
        actor, today = identity.actor(), runtime.today()
        if form.act.data == "withdraw":
            done = notices.withdraw(session, actor, form.notice_id.data, whom.ids, today=today)
        else:
            line_id = form.line_id.data or None
            done = notices.assign(session, actor, form.notice_id.data, whom.ids, line_id=line_id, today=today)
        if done.lines:
            waking.wake_gates(session)
    return done


def _said(form: GiveForm) -> Response:
    count = form.result.count
    if form.act.data == "withdraw":
        words = ngettext("Taken back from %(num)s customer.", "Taken back from %(num)s customers.", count)
    else:
        words = ngettext("Given to %(num)s customer.", "Given to %(num)s customers.", count)
    rendering.say(words)
    return rendering.go("notices.show", notice_id=form.notice_id.data)
