"""One customer's point: the small map of the card, and the page where a person sets it by a click."""

from flask import Response, render_template
from flask_babel import gettext, lazy_gettext
from wtforms import FloatField
from wtforms.validators import InputRequired, NumberRange

from registry import coverage, geocoding
from registry.coverage import Place
from webapp import forms, identity, permissions, rendering, runtime
from webapp.network import maps


class PointForm(forms.Form):
    """The point a person proposes."""

    latitude = FloatField(
        lazy_gettext("Latitude"), [InputRequired(forms.REQUIRED), NumberRange(min=-90, max=90)]
    )
    longitude = FloatField(
        lazy_gettext("Longitude"), [InputRequired(forms.REQUIRED), NumberRange(min=-180, max=180)]
    )


@permissions.required("map.view")
def panel(customer_id: int) -> Response:
    """The small map as a panel of the card."""
    place = _place(customer_id)
    return Response(
        render_template(
            "network/_panel.html",
            place=place,
            view=maps.view_of(place),
            tiles=runtime.current().settings.map,
        )
    )


@permissions.required("point.set")
def show(customer_id: int) -> Response:
    """The page of the map where a click proposes a point."""
    place = _place(customer_id)
    return _page(place, PointForm(latitude=place.latitude, longitude=place.longitude))


@permissions.required("point.set")
def accept(customer_id: int) -> Response:
    """Keep the point as set by hand."""
    form = PointForm()
    if form.accept(lambda: _save(customer_id, form)):
        rendering.say(gettext("The point is set."))
        return rendering.go("network.coverage", customer=customer_id)
    return _page(_place(customer_id), form)


def _save(customer_id: int, form: PointForm) -> None:
    with runtime.current().database.transaction() as session:
        geocoding.set_by_hand(
            session,
            identity.actor(),
            customer_id,
            latitude=form.latitude.data,
            longitude=form.longitude.data,
        )


def _place(customer_id: int) -> Place:
    with runtime.current().database.reading() as session:
        return coverage.place_of(session, customer_id)


def _page(place: Place, form: PointForm) -> Response:
    with runtime.current().database.reading() as session:
        view = maps.view_of(place) or coverage.extent(session) or maps.usual_view()
    return rendering.page_or_fragment(
        "network/point.html",
        "network/point.html",
        form.status,
        place=place,
        form=form,
        view=view,
        tiles=runtime.current().settings.map,
    )
