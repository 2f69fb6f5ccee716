"""Give a notice to chosen customers or to all who match, or take it back from them."""

from flask import Response, render_template, url_for
from flask_babel import gettext, lazy_gettext, ngettext
from wtforms import RadioField, SelectField
from wtforms.validators import InputRequired

from desk import notices
from registry import lines
from webapp import customer_filter, identity, permissions, rendering, runtime, waking
from webapp.forms import REQUIRED, Form, choices
from webapp.notices import whom as whom_of


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
        whom = whom_of.asked(session)
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


def _do(form: GiveForm) -> notices.Given:
    with runtime.current().database.transaction() as session:
        whom = whom_of.asked(session)
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
