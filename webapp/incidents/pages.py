"""Incidents: the list, one with whom it hits, opening and closing by hand, the banner of a card."""

from typing import Any

from flask import Response, render_template, request
from flask_babel import gettext, lazy_gettext
from wtforms import SelectField
from wtforms.validators import InputRequired, Length

from core import db, errors
from registry import incident_elements, incidents, pops
from registry.incident_elements import Element
from registry.models import IncidentScope
from webapp import forms, identity, permissions, rendering, runtime


class OpenForm(forms.Form):
    """What is broken, in the words everybody on it will read."""

    element = SelectField(lazy_gettext("What is broken"), [InputRequired(forms.REQUIRED)])
    title = forms.TextField(lazy_gettext("What is known"), [InputRequired(forms.REQUIRED), Length(max=200)])


@permissions.required("diagnostics.view")
def listing() -> Response:
    """The open incidents, or the closed ones; `show`, `scope` and `after` stand in the URL."""
    is_closed = request.args.get("show") == "closed"
    scope = request.args.get("scope", "")
    scope = scope if scope in set(IncidentScope) else ""
    with runtime.current().database.reading() as session:
        page = incidents.page(
            session,
            is_closed=is_closed,
            scope=IncidentScope(scope) if scope else None,
            after=request.args.get("after"),
        )
        number = incidents.count_open(session)
    return rendering.page_or_fragment(
        "incidents/list.html",
        "incidents/list.html",
        page=page,
        is_closed=is_closed,
        scope=scope,
        scopes=list(IncidentScope),
        open_count=number,
    )


@permissions.required("diagnostics.view")
def show(incident_id: int) -> Response:
    """One incident and whom it hits."""
    with runtime.current().database.reading() as session:
        found = incidents.get(session, incident_id)
        hit = incidents.affected(session, incident_id)
    return rendering.page_or_fragment(
        "incidents/incident.html", "incidents/incident.html", incident=found, affected=hit
    )


@permissions.required("diagnostics.view")
def banner(customer_id: int) -> Response:
    """The open incidents that hit a customer, for the top of his card; nothing when there are none."""
    with runtime.current().database.reading() as session:
        found = incidents.of_customer(session, customer_id)
    return Response(render_template("incidents/_banner.html", incidents=found))


@permissions.required("diagnostics.run")
def open_one() -> Response:
    """Open an incident by hand."""
    with runtime.current().database.reading() as session:
        places = [(f"pop:{pop.id}", gettext("POP %(name)s", name=pop.name)) for pop in pops.list_all(session)]
        places += [(f"device:{number}", name) for number, name in incident_elements.devices(session)]
    form = OpenForm(element=request.args.get("element", ""))
    form.element.choices = forms.choices(("", gettext("choose")), *places)
    if form.accept(lambda: _open(form)):
        number, is_new = form.result
        rendering.say(gettext("The incident is open.") if is_new else gettext("It was open already."))
        return rendering.go("incidents.incident", incident_id=number)
    return rendering.page_or_fragment("incidents/open.html", "incidents/open.html", form.status, form=form)


def _open(form: OpenForm) -> tuple[int, bool]:
    with runtime.current().database.transaction() as session:
        element = _element(session, str(form.element.data))
        return incidents.open_one(session, identity.actor(), element, form.title.data or "")


def _element(session: db.Session, key: str) -> Element:
    kind, _, number = key.partition(":")
    makers: dict[str, Any] = {"pop": incident_elements.pop, "device": incident_elements.device}
    if kind not in makers or not number.isdigit():
        raise errors.Invalid("Choose what is broken", {"element": gettext("Choose what is broken.")})
    made: Element = makers[kind](session, int(number))
    return made


@permissions.required("diagnostics.run")
def close(incident_id: int) -> Response:
    """Close an incident: it is over for everybody."""
    with runtime.current().database.transaction() as session:
        is_closed = incidents.close(session, identity.actor(), incident_id, note=request.form.get("note", ""))
    rendering.say(gettext("The incident is closed.") if is_closed else gettext("It was closed already."))
    return rendering.go("incidents.incident", incident_id=incident_id)
