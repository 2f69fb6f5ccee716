"""A technician's round on the phone: the day, a visit, its line asked, a device found, and what is refused said."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from desk.models import Ticket, Visit, VisitResult
from linecard.demo import plan
from registry.models import Address, AddressKind, Connection, Customer
from tests import product as products
from tests.browser import looks
from tests.browser.conftest import Person

pytestmark = pytest.mark.timeout(300)
SEEN_MS = 20_000
HANDHELD = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}

# Headless Chromium has neither the detector nor a camera: both are given to the page as browsers give them.
CAMERA = """
window.BarcodeDetector = class {
  static async getSupportedFormats() { return ["code_128", "qr_code"]; }
  async detect() { return [{ rawValue: "MAC: %s", format: "code_128" }]; }
};
navigator.mediaDevices.getUserMedia = async () => {
  const canvas = document.createElement("canvas");
  canvas.getContext("2d").fillRect(0, 0, 9, 9);
  return canvas.captureStream(5);
};
"""
NO_CAMERA = """
window.BarcodeDetector = class { static async getSupportedFormats() { return ["code_128"]; } };
navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotAllowedError"); };
"""


@pytest.fixture
def tech(product: products.Product, sign_in: Callable[..., Person]) -> Person:
    """The technician with his phone in his hand."""
    return sign_in(product, "tech", **HANDHELD)


def _visit_by_copper(product: products.Product) -> tuple[int, plan.Customer]:
    """Return the visit to a customer on a switch port with whom nothing is wrong, and the customer as planned."""
    copper = [one for one in plan.build().connected if one.access == "ethernet" and not one.trouble]
    planned = {one.number: one for one in copper}
    with product.database.reading() as session:
        rows = session.execute(
            select(Visit.id, Customer.number)
            .join(Ticket, Ticket.id == Visit.ticket_id)
            .join(Customer, Customer.id == Ticket.customer_id)
            .join(Connection, Connection.customer_id == Customer.id)
            .order_by(Visit.id)
        ).all()
    return next((visit_id, planned[number]) for visit_id, number in rows if number in planned)


def test_a_round_from_the_day_to_the_baseline(product: products.Product, tech: Person) -> None:
    visit_id, planned = _visit_by_copper(product)
    page = tech.open("/field")
    looks.check(page)
    visit = page.locator(f"#visit-{visit_id}")
    assert (visit.get_by_role("link", name="Directions").get_attribute("href") or "").startswith("geo:")
    visit.get_by_role("link", name="Line", exact=True).click()
    expect(page.locator("#acts")).to_be_visible()
    looks.check(page)

    _ping_through_a_gap(page)
    page.get_by_role("button", name="Read port").click()
    port = page.locator("article.run", has_text="Speed").first
    expect(port).to_contain_text("Set / is", timeout=SEEN_MS)
    expect(port).to_contain_text(re.compile(r"bit/s"))
    expect(port).to_contain_text("none while reading")
    _baseline(page)
    looks.check(page)

    page.goto(f"{tech.base_url}/field/scan")
    page.get_by_label("MAC or serial").fill(planned.mac.replace(":", "-").upper())
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.locator("main")).to_contain_text(planned.number)
    looks.check(page)
    _end_the_visit(product, page, tech.base_url, visit_id)
    # Chromium names each request it could not send while we had it offline; nothing else may be complained of.
    tech.complaints[:] = [words for words in tech.complaints if "ERR_INTERNET_DISCONNECTED" not in words]


def _ping_through_a_gap(page: Page) -> None:
    """Ping live; the network goes away and comes back, and no reply is missing or doubled."""
    page.get_by_role("button", name="Ping").first.click()
    replies = page.locator("ol.replies li")
    expect(replies.nth(1)).to_be_visible(timeout=SEEN_MS)
    page.context.set_offline(True)
    expect(page.get_by_text("Connection lost, trying again")).to_be_visible(timeout=SEEN_MS)
    page.wait_for_timeout(1500)
    page.context.set_offline(False)
    expect(page.get_by_text("Connection lost, trying again")).to_be_hidden(timeout=SEEN_MS)
    expect(replies.nth(5)).to_be_visible(timeout=SEEN_MS)
    places = [int(line.split()[0]) for line in replies.all_inner_texts()]
    assert places == list(range(places[0], places[-1] - 1, -1))
    assert places[-1] <= 1
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("article.run [data-part=status]").first).to_contain_text("stopped")


def _baseline(page: Page) -> None:
    """Diagnose until the line is found good (a busy machine answers late) and keep that as its baseline."""
    run = page.locator("[data-diagnosis-run]").first
    take = run.get_by_role("button", name="Take baseline")
    for _ in range(5):
        with page.expect_response(re.compile(r"/field/run/\d+$"), timeout=SEEN_MS):
            page.get_by_role("button", name="Diagnose").click()
        expect(run.locator("[data-part=verdict]")).to_be_visible(timeout=SEEN_MS)
        if take.count():
            break
    run.get_by_label("Occasion").select_option("repair")
    take.click()
    expect(run).to_contain_text("The baseline of this line is taken.")


def _end_the_visit(product: products.Product, page: Page, base_url: str, visit_id: int) -> None:
    """End it where there is no network: what was typed stays, also after a reload, and is sent by hand."""
    page.goto(f"{base_url}/field")
    visit = page.locator(f"#visit-{visit_id}")
    visit.get_by_text("How did it end?").click()
    visit.get_by_label("What was done").fill("New cable, 941 Mbit/s")
    page.context.set_offline(True)
    visit.get_by_role("button", name="Done, close the ticket").click()
    expect(page.locator("#toasts")).to_contain_text("nothing is lost", timeout=SEEN_MS)
    page.context.set_offline(False)
    page.reload()
    expect(visit.get_by_text("This was not sent yet")).to_be_visible()
    expect(visit.get_by_label("What was done")).to_have_value("New cable, 941 Mbit/s")
    visit.get_by_role("button", name="Done, close the ticket").click()
    expect(page.locator("#toasts")).to_contain_text("the ticket is closed")
    expect(visit).to_contain_text("New cable, 941 Mbit/s")
    with product.database.reading() as session:
        assert session.get_one(Visit, visit_id).result is VisitResult.DONE


def test_the_camera_reads_a_label_and_what_is_not_allowed_is_said(
    product: products.Product, tech: Person
) -> None:
    _, planned = _visit_by_copper(product)
    page = tech.open("/field/scan")
    page.get_by_role("button", name="Scan the label").click()
    expect(page.get_by_text("This browser cannot read barcodes")).to_be_visible()

    page = _with(tech, NO_CAMERA, "/field/scan")
    page.get_by_role("button", name="Scan the label").click()
    expect(page.get_by_text("The camera is not allowed here")).to_be_visible()
    looks.check(page)

    page = _with(tech, CAMERA % planned.mac, "/field/scan")
    page.get_by_role("button", name="Scan the label").click()
    page.wait_for_url(re.compile(r"/field/scan\?q="))
    expect(page.locator("main")).to_contain_text(planned.number)

    page = tech.open("/field/near")
    page.get_by_role("button", name="Where I am").click()
    expect(page.get_by_text("Where you are is not shared")).to_be_visible()
    page.context.grant_permissions(["geolocation"], origin=tech.base_url)
    page.context.set_geolocation(_home(product, planned.number))
    page.get_by_role("button", name="Where I am").click()
    page.wait_for_url(re.compile(r"lat="))
    expect(page.locator("#panel-customers")).to_contain_text(planned.number)
    expect(page.locator("#panel-devices li").first).to_contain_text("by the nearest customer it serves")
    looks.check(page)


def _home(product: products.Product, number: str) -> Any:
    with product.database.reading() as session:
        latitude, longitude = session.execute(
            select(Address.latitude, Address.longitude)
            .join(Customer, Customer.id == Address.customer_id)
            .where(Customer.number == number, Address.kind == AddressKind.VISITING)
        ).one()
    return {"latitude": latitude, "longitude": longitude}


def _with(person: Person, script: str, path: str) -> Page:
    """Open a page that finds what the script gives it."""
    page: Any = person.open("/field")
    page.add_init_script(script)
    page.goto(person.base_url + path)
    return page
