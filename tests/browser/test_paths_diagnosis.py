"""A fault of the laboratory diagnosed from the card: one key, stages that fill in, a verdict in words."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from linecard.lab import shell
from tests.product import Product

pytestmark = pytest.mark.timeout(300)
SEEN_MS = 20_000


def open_card(product: Product, visit: Callable[..., Page], number: str) -> Page:
    page = visit(f"/customers/{product.customer_id(number)}", "noc")
    expect(page.get_by_role("button", name="Diagnose")).to_be_visible()
    return page


def test_a_pulled_cable_is_named_on_the_card_without_a_reload(
    product_lab: Product, visit: Callable[..., Page]
) -> None:
    planned = product_lab.plan.customer("c1")
    gateway = product_lab.plan.segment(planned.segment).gateway_address
    shell.run(["ip", "-n", planned.namespace, "link", "set", "eth0", "down"])
    try:
        page = open_card(product_lab, visit, "LAB-1")
        page.wait_for_timeout(3500)  # the switch's agent answers from a cache of three seconds
        page.keyboard.press("d")
        run = page.locator("[data-diagnosis-run]").first
        expect(run.locator("[data-stage]")).to_have_count(8)
        verdict = run.locator("[data-part=verdict]")
        expect(verdict).to_contain_text("port1 has no link", timeout=SEEN_MS)
        expect(verdict).to_contain_text("the customer")
        expect(verdict).to_contain_text("cable from the wall")
        port = run.locator("[data-stage=port]")
        expect(port).to_contain_text("broken")
        expect(port.get_by_text("Operational state")).to_be_visible()
        account = run.locator("[data-stage=account] summary")
        account.focus()
        page.keyboard.press("Enter")
        expect(run.locator("[data-stage=account]").get_by_text("Access wanted")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        expect(page.locator("#runs-history")).to_contain_text("port1 has no link", timeout=SEEN_MS)
    finally:
        shell.run(["ip", "-n", planned.namespace, "link", "set", "eth0", "up"])
        shell.run(["ip", "-n", planned.namespace, "route", "replace", "default", "via", gateway])


def test_who_comes_late_sees_the_same_verdict(
    product_lab: Product, visit: Callable[..., Page], sign_in: Callable[..., Any]
) -> None:
    page = open_card(product_lab, visit, "LAB-6")
    page.get_by_role("button", name="Diagnose").click()
    run = page.locator("[data-diagnosis-run]").first
    expect(run.locator("[data-part=verdict]")).to_contain_text("2 devices use", timeout=SEEN_MS)
    number = re.search(r"\d+", run.get_attribute("id") or "")
    assert number
    late = sign_in(product_lab, "noc").open(f"/runs/{number[0]}")
    expect(late.locator("[data-part=verdict]")).to_contain_text("2 devices use")
    expect(late.locator("[data-stage=address]")).to_contain_text("broken")
