"""The coverage map: the page, the points of its part, and our own drawing below them."""

from flask import Response, jsonify, request
from flask_babel import gettext

from registry import coverage
from registry.coverage import Feature, Place, View
from webapp import permissions, rendering, runtime

_NEAR_ZOOM = 17


@permissions.required("map.view")
def coverage_page() -> Response:
    """The map of all customers; `customer` puts one of them in the middle."""
    customer_id = request.args.get("customer", type=int)
    with runtime.current().database.reading() as session:
        place = coverage.place_of(session, customer_id) if customer_id is not None else None
        view = view_of(place) or coverage.extent(session) or usual_view()
    return rendering.page_or_fragment(
        "network/coverage.html",
        "network/coverage.html",
        place=place,
        view=view,
        tiles=runtime.current().settings.map,
        states=coverage.STATES,
    )


@permissions.required("map.view")
def points() -> Response:
    """The customers within `bbox` as GeoJSON, in clusters where they are many."""
    box = coverage.box_of(request.args.get("bbox", ""))
    with runtime.current().database.reading() as session:
        found = coverage.points(session, box, states=request.args.getlist("state"))
    return _geojson([_shown(feature) for feature in found])


@permissions.required("map.view")
def ground() -> Response:
    """POPs and cable lines as GeoJSON: the map's own background."""
    with runtime.current().database.reading() as session:
        return _geojson(coverage.ground(session))


def view_of(place: Place | None) -> View | None:
    """Return the view with a customer in the middle, if he has a point."""
    if place is None or place.latitude is None or place.longitude is None:
        return None
    return View(place.latitude, place.longitude, _NEAR_ZOOM)


def usual_view() -> View:
    """Return the view the settings name."""
    settings = runtime.current().settings.map
    return View(settings.latitude, settings.longitude, settings.zoom)


def _shown(feature: Feature) -> Feature:
    properties = feature["properties"]
    if "count" in properties:
        return feature
    shown = {
        **properties,
        "note": _notes()[properties["note"]],
        "url": f"/customers/{properties['id']}",
    }
    return {**feature, "properties": shown}


def _notes() -> dict[str, str]:
    return {
        "not_connected": gettext("not connected"),
        "device_silent": gettext("a device is silent"),
        "gate_failing": gettext("the gate fails"),
        "cut_off": gettext("cut off"),
        "device_answers": gettext("service on, the device answers"),
        "service_open": gettext("service on"),
        "nothing_known": gettext("nothing measured yet"),
    }


def _geojson(features: list[Feature]) -> Response:
    return jsonify(type="FeatureCollection", features=features)
