"""Diagnostics from the card, on the demo's own devices: ping with stop, MAC, SNMP, locate."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from linecard.demo import plan
from tests import product as products
from tests.browser import looks, who
from tests.browser.conftest import Screen

pytestmark = pytest.mark.early

Visit = Callable[..., Page]
Card = Callable[[plan.Customer], Page]


@pytest.fixture
def card(visit: Visit, product: products.Product) -> Card:
    """Return a function that opens a customer's card as the NOC, with its diagnostics block there."""

    def show(one: plan.Customer) -> Page:
        page = visit(f"/customers/{product.customer_id(one.number)}", "noc")
        looks.settle(page)
        return page

    return show


def done(page: Page, address: str, kind: str) -> Locator:
    """Return the finished run of this kind, with its result come."""
    run = page.locator(f"article.run[data-question^='{kind} ']", has_text=address).first
    expect(run.locator("[data-part=status]")).to_have_text("done", timeout=20_000)
    return run


def test_replies_are_watched_as_they_come_and_stop_ends_them(card: Card, screen: Screen) -> None:
    one = who.usual(12, screen)
    page = card(one)
    form = page.locator("#diagnose-addresses")
    form.get_by_label("Count").fill("500")
    form.get_by_label("Every, s").fill("0.2")
    form.get_by_label("Size, bytes").select_option("1400")
    form.get_by_role("button", name="Ping").click()
    run = page.locator("article.run", has_text=one.address).first
    run.locator("ol.replies li").nth(4).wait_for()
    expect(run.locator("ol.replies li").first).to_contain_text("ms")
    expect(run.locator("[data-figure=loss_percent]")).to_have_text("0 %")
    expect(run.locator("canvas")).to_be_visible()
    expect(run.locator("[data-part=status]")).to_have_text("running")
    expect(run).to_contain_text("1400 B")
    looks.check(page)
    run.get_by_role("button", name="Stop").click()
    expect(run.locator("[data-part=status]")).to_have_text("stopped")
    expect(run.get_by_role("button", name="Stop")).to_have_count(0)
    history = page.locator("#runs-history")
    expect(history).to_contain_text("0 % loss")
    history.get_by_role("link", name="Ping").first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("article.run")).to_contain_text("stopped by hand")
    looks.check(page)


def test_a_silent_address_shows_its_loss(card: Card, screen: Screen) -> None:
    dead = [one for one in plan.build().connected if not one.is_alive][screen.place]
    page = card(dead)
    form = page.locator("#diagnose-addresses")
    form.get_by_label("Count").fill("3")
    form.get_by_label("Every, s").fill("0.2")
    form.get_by_role("button", name="Ping").click()
    run = done(page, dead.address, "ping")
    expect(run.locator("[data-figure=loss_percent]")).to_have_text("100 %")
    expect(run.locator("ol.replies li.is-lost")).to_have_count(3)


def test_a_number_out_of_bounds_is_refused_in_words(card: Card, screen: Screen) -> None:
    page = card(who.usual(12, screen))
    form = page.locator("#diagnose-addresses")
    for box in form.locator("input[name=target]").all():
        box.uncheck()
    form.get_by_role("button", name="Ping").click()
    expect(page.locator("#toasts .toast-bad")).to_be_visible()
    looks.check(page)


def test_the_mac_behind_an_address_is_found_and_the_way_is_said(card: Card, screen: Screen) -> None:
    one = who.usual(13, screen)
    page = card(one)
    page.locator("#diagnose-addresses").get_by_role("button", name="MAC").click()
    run = done(page, one.address, "mac_lookup")
    expect(run).to_contain_text(one.mac)
    expect(run).to_contain_text("The same MAC as on file answers.")
    expect(run).to_contain_text("Found ")
    looks.check(page)


def test_another_mac_than_on_file_is_stored_by_one_click(
    card: Card, product: products.Product, screen: Screen
) -> None:
    others = [
        one
        for one in plan.build().connected
        if one.is_alive and not one.trouble and one.filed_mac and one.filed_mac != one.mac
    ]
    one = others[screen.place]
    page = card(one)
    page.locator("#diagnose-addresses").get_by_role("button", name="MAC").click()
    run = done(page, one.address, "mac_lookup")
    expect(run).to_contain_text("Another MAC than the one on file")
    run.get_by_role("button", name="Store this MAC").click()
    expect(run).to_contain_text("on file now")
    expect(page.locator("#panel-ips")).to_contain_text(one.mac)
    expect(page.locator("#panel-history")).to_contain_text("MAC", ignore_case=True)


def test_the_switch_port_tells_its_state_and_keeps_it(card: Card, screen: Screen) -> None:
    one = who.usual(14, screen)
    page = card(one)
    page.locator("#panel-diagnostics form button", has_text="sw-").click()
    run = page.locator("article.run[data-question^='snmp_status port:']").first
    expect(run.locator("[data-part=status]")).to_have_text("done", timeout=20_000)
    for words in ("answers", "sysName", "Operational state", "Speed", "Last change", "MACs on the port"):
        expect(run).to_contain_text(words)
    expect(run).to_contain_text(one.mac)
    expect(page.locator("#panel-ports")).to_contain_text("answered")
    looks.check(page)


def test_a_mac_is_located_behind_the_port_on_file_and_behind_another(card: Card, screen: Screen) -> None:
    moved = [one for one in plan.build().connected if one.is_alive and one.filed_if_index != one.if_index]
    for one, words in (
        (who.usual(15, screen), "It is behind the port on file."),
        (moved[screen.place], "It is behind another port than the one on file"),
    ):
        page = card(one)
        page.locator("#diagnose-addresses").get_by_role("button", name="Locate").click()
        expect(done(page, one.address, "locate_mac")).to_contain_text(words)
        looks.check(page)
        page.close()


def test_the_runs_of_everybody_are_listed_and_filtered(visit: Visit) -> None:
    page = visit("/runs", "noc")
    looks.settle(page)
    page.get_by_label("Kind").select_option(index=1)
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Diagnostics")
    looks.check(page)
