"""Templates of contracts: listed, written, changed, removed."""

from flask import Response, render_template, url_for
from flask_babel import gettext, lazy_gettext
from wtforms.validators import DataRequired, Length

from desk import contract_templates as templates
from webapp import identity, permissions, rendering, runtime
from webapp.forms import REQUIRED, Form, ParagraphField, TextField


class TemplateForm(Form):
    """What contracts are made of."""

    title = TextField(lazy_gettext("Title"), [DataRequired(REQUIRED), Length(max=160)])
    content = ParagraphField(
        lazy_gettext("Text of the contract"),
        [DataRequired(REQUIRED), Length(max=100_000)],
        render_kw={"rows": 18},
    )


@permissions.required("contract.keep")
def listing() -> Response:
    """List the templates."""
    with runtime.current().database.reading() as session:
        found = templates.listing(session)
    return Response(render_template("notices/templates.html", found=found))


@permissions.required("contract.keep")
def add() -> Response:
    """Write a template."""
    return _edit(None, TemplateForm(), gettext("New template of contracts"))


@permissions.required("contract.keep")
def edit(template_id: int) -> Response:
    """Change a template: contracts that are made already keep their text."""
    with runtime.current().database.reading() as session:
        found = templates.get(session, template_id)
    return _edit(template_id, TemplateForm(obj=found), gettext("Change a template of contracts"))


def _edit(template_id: int | None, form: TemplateForm, title: str) -> Response:
    if form.accept(lambda: _save(template_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("notices.templates")
    page = "notices/template.html"
    return rendering.page_or_fragment(
        page,
        page,
        form.status,
        form=form,
        title=title,
        fields=templates.FIELDS,
        cancel_url=url_for("notices.templates"),
    )


def _save(template_id: int | None, form: TemplateForm) -> None:
    with runtime.current().database.transaction() as session:
        templates.save(
            session,
            identity.actor(),
            template_id,
            title=form.title.data or "",
            content=form.content.data or "",
        )


@permissions.required("contract.keep")
def remove(template_id: int) -> Response:
    """Remove a template."""
    with runtime.current().database.transaction() as session:
        templates.remove(session, identity.actor(), template_id)
    rendering.say(gettext("Removed."))
    return rendering.go("notices.templates")
