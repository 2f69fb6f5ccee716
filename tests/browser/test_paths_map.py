"""The map: who is where and how it stands, a way to the card, a point set by a click and accepted."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlalchemy import select

from registry.models import Address
from tests import product as products
from tests.browser import looks, who
from tests.browser.conftest import Screen

Visit = Callable[..., Page]


def test_markers_tell_the_state_and_lead_to_the_card(
    visit: Visit, product: products.Product, screen: Screen
) -> None:
    page = visit("/map", "noc")
    shown = page.locator(".leaflet-marker-icon.bubble, .leaflet-marker-icon.pin")
    shown.first.wait_for()
    looks.check(page)
    before = shown.count()
    for box in page.locator("#map-states input").all():
        box.uncheck()
    expect(shown).to_have_count(0)
    page.locator("#map-states input[value=ok]").check()
    shown.first.wait_for()
    assert before > 0

    one = who.usual(19, screen)
    page.goto(f"{product.base_url}/map?customer={product.customer_id(one.number)}")
    expect(page.locator(".page-head")).to_contain_text(one.number)
    page.locator(f".pin-picked[title^='{one.number} ']").click()
    page.locator(".leaflet-popup").get_by_role("link", name=re.compile(one.number)).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(one.number)


def test_a_point_is_set_by_a_click_and_stored_only_when_accepted(
    visit: Visit, product: products.Product, screen: Screen
) -> None:
    customer_id = product.customer_id(who.usual(20, screen).number)
    page = visit(f"/customers/{customer_id}/point", "noc")
    latitude = page.get_by_label("Latitude")
    accept = page.get_by_role("button", name="Accept")
    expect(accept).to_be_disabled()
    looks.check(page)
    page.locator(".leaflet-container").click(position={"x": 60, "y": 60})
    expect(accept).to_be_enabled()
    wanted = float(latitude.input_value())
    assert _place(product, customer_id).geo_source != "hand"
    accept.click()
    expect(page.locator(".toast-ok")).to_be_visible()
    found = _place(product, customer_id)
    assert (found.geo_source, round(found.latitude or 0, 4)) == ("hand", round(wanted, 4))
    page.goto(f"{product.base_url}/customers/{customer_id}")
    expect(page.locator("#panel-addresses")).to_contain_text("by hand")


def test_a_point_that_is_none_is_refused_at_its_field(
    visit: Visit, product: products.Product, screen: Screen
) -> None:
    customer_id = product.customer_id(who.usual(21, screen).number)
    page = visit(f"/customers/{customer_id}/point", "noc")
    page.get_by_label("Latitude").fill("95")
    page.get_by_label("Longitude").fill("24.01")
    page.get_by_label("Longitude").press("Tab")
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_label("Latitude")).to_have_attribute("aria-invalid", "true")
    looks.check(page)


def test_what_the_geocoder_did_not_find_is_listed_with_the_reason(
    visit: Visit, product: products.Product
) -> None:
    page = visit("/geocoding")
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("Nothing was found for this address")
    looks.check(page)
    row.get_by_role("link", name="Set the point").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Set the point")
    expect(page.locator(".leaflet-container")).to_be_visible()


def _place(product: products.Product, customer_id: int) -> Address:
    with product.database.reading() as session:
        found = session.scalars(
            select(Address).where(Address.customer_id == customer_id, Address.kind == "visiting")
        ).one()
        session.expunge(found)
    return found
