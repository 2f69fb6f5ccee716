"""The live ping as people see it: true loss, a stop that stops, late viewers who miss nothing."""

import time
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from linecard.lab import plan
from registry.models import IpAddress
from tests import product as products
from tests.browser.conftest import Person


def _address(product: products.Product, behaviour: str) -> str:
    customers = plan.describe(product.prefix).customers
    return next(customer.address for customer in customers if customer.behaviour == behaviour)


def _card(product: products.Product, person: Person, behaviour: str) -> Page:
    with product.database.reading() as session:
        customer_id = session.scalar(
            select(IpAddress.customer_id).where(IpAddress.address == _address(product, behaviour))
        )
    return person.open(f"/customers/{customer_id}")


def _ping(page: Page, address: str, *, count: int, interval_s: float = 0.2) -> Locator:
    form = page.locator("#diagnose-addresses")
    for box in form.locator("input[name=target]").all():
        box.set_checked(False)
    form.locator("label.check", has_text=address).locator("input").check()
    form.get_by_label("Count").fill(str(count))
    form.get_by_label("Every, s").fill(str(interval_s))
    form.get_by_role("button", name="Ping").click()
    return page.locator("article.run", has_text=address).first


def _sequences(run: Locator) -> list[str]:
    return [line.split()[0] for line in run.locator("ol.replies li").all_inner_texts()]


def test_a_live_a_lossy_and_a_dead_address_show_their_true_loss(
    product_lab: products.Product, sign_in: Callable[..., Person]
) -> None:
    person = sign_in(product_lab, "noc")
    runs = {}
    for behaviour in ("ordinary", "lossy", "dead"):
        page = _card(product_lab, person, behaviour)
        runs[behaviour] = _ping(page, _address(product_lab, behaviour), count=20)
    for run in runs.values():
        expect(run.locator("[data-part=status]")).to_contain_text("done", ignore_case=True, timeout=30_000)
    shown = {name: run.locator("[data-figure=loss_percent]").inner_text() for name, run in runs.items()}
    assert shown == {"ordinary": "0 %", "lossy": "40 %", "dead": "100 %"}
    assert runs["dead"].locator("[data-figure=count]").inner_text() == "0 / 20"


def test_the_stop_button_ends_the_ping_within_a_second(
    product_lab: products.Product, sign_in: Callable[..., Person]
) -> None:
    person = sign_in(product_lab, "noc")
    run = _ping(_card(product_lab, person, "ordinary"), _address(product_lab, "ordinary"), count=600)
    run.locator("ol.replies li").nth(2).wait_for(timeout=15_000)
    run.get_by_role("button", name="Stop").click()
    clicked = time.monotonic()
    expect(run.locator("[data-part=status]")).to_contain_text("stopped", ignore_case=True, timeout=5000)
    took_s = time.monotonic() - clicked
    print(f"stop: {took_s:.2f} s from the click to the word on the page")
    assert took_s < 5, "a quiet machine needs less than one"


def test_a_second_browser_that_joins_late_shows_the_same_replies(
    product_lab: products.Product, sign_in: Callable[..., Person]
) -> None:
    first = sign_in(product_lab, "noc")
    run = _ping(_card(product_lab, first, "ordinary"), _address(product_lab, "ordinary"), count=90)
    run.locator("ol.replies li").nth(7).wait_for(timeout=15_000)
    second = sign_in(product_lab, "admin", viewport={"width": 360, "height": 800})
    late = (
        _card(product_lab, second, "ordinary")
        .locator("article.run", has_text=_address(product_lab, "ordinary"))
        .first
    )
    for place in (run, late):
        expect(place.locator("ol.replies li")).to_have_count(90, timeout=40_000)
    assert late.locator("ol.replies li").all_inner_texts() == run.locator("ol.replies li").all_inner_texts()
    assert len(set(_sequences(run))) == 90


def test_leaving_the_page_ends_the_ping(
    product_lab: products.Product, sign_in: Callable[..., Person]
) -> None:
    from registry.models import DiagnosticRun, DiagnosticStatus

    person = sign_in(product_lab, "noc")
    page = _card(product_lab, person, "ordinary")
    run = _ping(page, _address(product_lab, "ordinary"), count=600)
    run.locator("ol.replies li").nth(1).wait_for(timeout=15_000)
    run_id = int(run.get_attribute("data-run") or 0)
    page.close()

    def is_over() -> bool:
        with product_lab.database.reading() as session:
            return session.get_one(DiagnosticRun, run_id).status is DiagnosticStatus.STOPPED

    limit_s = product_lab.settings.diagnostics.unwatched_s + 15
    print(f"ended {products.wait_for(is_over, limit_s, product_lab.log):.1f} s after the page was left")
