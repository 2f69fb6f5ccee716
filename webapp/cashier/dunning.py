"""Reminders of debt: what was sent, what would be sent tonight, and the ladder's steps."""

from typing import Any

from flask import Response, request, url_for
from flask_babel import gettext, lazy_gettext
from wtforms import BooleanField, IntegerField, SelectField
from wtforms.validators import InputRequired, Length

from billing import dunning as ladder
from billing.models import Channel
from registry import dunning
from registry import notices as sent
from registry.notices import NoticeFilter
from webapp import identity, permissions, rendering, runtime, texts
from webapp.cashier import day, notices
from webapp.forms import REQUIRED, Form, ParagraphField, TextField, choices

TONIGHT_LIMIT = 100
CHANNELS = choices((Channel.EMAIL, lazy_gettext("By e-mail")), (Channel.SMS, lazy_gettext("By text message")))


@permissions.required("cutoff.view")
def listing() -> Response:
    """List what was sent, newest first, with what tonight would send and the steps above it."""
    asked = notices.filters()
    with runtime.current().database.reading() as session:
        rows, mark = sent.page(session, asked, sort=notices.sort(), after=request.args.get("after"))
        known = sent.steps(session)
        steps = ladder.steps(session)
        letters = dunning.tonight(session, day.today(), rules=day.limits(session), sender=day.sender())
    return rendering.page_or_fragment(
        "cashier/dunning.html",
        "cashier/dunning.html",
        rows=rows,
        next=mark,
        filters=asked,
        sort=notices.sort(),
        known=known,
        is_filtered=asked != NoticeFilter(),
        steps=steps,
        letters=letters[:TONIGHT_LIMIT],
        count=len(letters),
    )


@permissions.required("cutoff.policy")
def add_step() -> Response:
    """Add a step."""
    return _edit(None, {}, gettext("Add a reminder"))


@permissions.required("cutoff.policy")
def edit_step(step_id: int) -> Response:
    """Change a step: when it comes, and what it says."""
    with runtime.current().database.reading() as session:
        step = dunning.get_step(session, step_id)
    values: dict[str, Any] = {"days": step.days, "is_on": step.is_on, "channel": step.channel}
    for language, text in step.texts.items():
        values |= {f"{part}_{language}": text.get(part, "") for part in (dunning.SUBJECT, dunning.BODY)}
    return _edit(step_id, values, gettext("Change a reminder"))


def _edit(step_id: int | None, values: dict[str, Any], title: str) -> Response:
    form = _form()(**values)
    if form.accept(lambda: _save(step_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("cashier.dunning")
    remove_url = url_for("cashier.remove_dunning_step", step_id=step_id) if step_id else None
    page = "cashier/dunning_step.html"
    return rendering.page_or_fragment(
        page,
        page,
        form.status,
        form=form,
        title=title,
        remove_url=remove_url,
        languages=texts.languages(),
        fields=dunning.FIELDS,
    )


def _form() -> Any:
    """Return the form of a step, with a subject and a text for each language there is."""

    class StepForm(Form):
        """When a reminder comes, and what it says."""

        days = IntegerField(
            lazy_gettext("Days after the due date"),
            [InputRequired(REQUIRED)],
            description=lazy_gettext("Negative: so many days before it."),
        )
        channel = SelectField(lazy_gettext("How it is sent"), choices=CHANNELS, default=Channel.EMAIL)
        is_on = BooleanField(lazy_gettext("Is sent"), default=True)

    for language in texts.languages():
        subject = TextField(lazy_gettext("Subject"), [Length(max=200)])
        body = ParagraphField(lazy_gettext("Text"), [Length(max=4000)], render_kw={"rows": 8})
        setattr(StepForm, f"{dunning.SUBJECT}_{language}", subject)
        setattr(StepForm, f"{dunning.BODY}_{language}", body)
    return StepForm


def _save(step_id: int | None, form: Any) -> None:
    written = {
        language: {part: form[f"{part}_{language}"].data or "" for part in (dunning.SUBJECT, dunning.BODY)}
        for language in texts.languages()
    }
    with runtime.current().database.transaction() as session:
        dunning.save_step(
            session,
            identity.actor(),
            step_id,
            days=form.days.data,
            is_on=form.is_on.data,
            channel=Channel(form.channel.data),
            texts=written,
        )


@permissions.required("cutoff.policy")
def remove_step(step_id: int) -> Response:
    """Remove a step."""
    with runtime.current().database.transaction() as session:
        dunning.remove_step(session, identity.actor(), step_id)
    rendering.say(gettext("Removed."))
    return rendering.go("cashier.dunning")
