"""Faults of the laboratory, made for real, diagnosed from the card in the browser, and mended again."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from registry import incidents
from tests.browser import faults
from tests.product import Product

PHONE = {"viewport": {"width": 360, "height": 800}, "is_mobile": True, "has_touch": True}
pytestmark = pytest.mark.timeout(300)

# Net-SNMP answers IF-MIB from a cache of three seconds.
SEEN_S = 15.0
VERDICT_MS = 15_000


@dataclass(frozen=True)
class Fault:
    """What is done to whom, and what the card must say of it."""

    name: str
    customer: str
    make: Callable[[Product, str], AbstractContextManager[None]]
    stage: str
    says: str
    who: str
    sure: str = ""


FAULTS = [
    Fault("cable pulled", "c1", faults.pulled_cable, "port", "port1 has no link", "the customer"),
    Fault("port shut by SNMP", "c2", faults.shut_port, "port", "port2 is switched off by our side", "the NOC"),
    Fault("wrong MAC", "c2", faults.wrong_mac, "mac", "Another MAC than the one on file is on the port", "the NOC"),
    Fault("loss", "c4", faults.nothing, "quality", r"[2-5]\d\S* % of the echoes are lost", "a technician", "sure"),
    Fault("MTU", "c2", faults.black_hole, "quality", "a black hole for large packets", "the NOC", "sure"),
    Fault("duplicate IP", "c6", faults.nothing, "address", "2 devices use .* at the same time", "the NOC"),
    Fault("a router that drops ping", "c8", faults.nothing, "address", "it drops ping", "nobody"),
    Fault("gateway drops", "c9", faults.dropping_gateway, "pop", "neither ping nor SNMP", "the NOC", "sure"),
    Fault("debt lock", "c1", faults.debt, "account", "locked for debt", "billing"),
    Fault("parent dead", "c2", faults.dead_parent, "device", "lab-aggregation is dead.* lab-access-switch is behind", "the NOC"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_incident_is_left(product_lab: Product) -> Iterator[None]:
    """An incident that is not over yet would be the verdict of the next fault."""
    yield
    with product_lab.database.transaction() as session:
        for one in incidents.page(session, is_closed=False).rows:
            incidents.close(session, incidents.JOB, one.id, note="the fault was undone")


@pytest.fixture
def card(product_lab: Product, sign_in: Callable[..., Any]) -> Callable[..., Page]:
    """Return a function that opens a laboratory customer's card as somebody of the NOC."""

    def open_card(key: str, **options: Any) -> Page:
        page: Page = sign_in(product_lab, "noc", **options).open(
            f"/customers/{product_lab.customer_id(f'LAB-{key[1:]}')}"
        )
        expect(page.get_by_role("button", name="Diagnose")).to_be_visible()
        return page

    return open_card


def diagnose(page: Page, press: Callable[[], None] | None = None) -> Locator:
    """Press Diagnose (or what `press` does), wait for the verdict without a reload, and return the run on the page."""
    with page.expect_response(lambda answer: answer.url.endswith("/diagnostics/diagnose")) as begun:
        press() if press else page.get_by_role("button", name="Diagnose").click()
    found = re.search(r'id="run-(\d+)"', begun.value.text())
    assert found, begun.value.text()[:2000]
    run = page.locator(f"#run-{found[1]}")
    run.locator("[data-part=verdict]").wait_for(timeout=VERDICT_MS)
    expect(run.locator("[data-stage]")).to_have_count(8)
    return run


def diagnose_until(page: Page, says: str, press: Callable[[], None] | None = None) -> Locator:
    """Diagnose until the agents' own caches have noticed the fault; return the last run."""
    until = time.monotonic() + SEEN_S
    while True:
        run = diagnose(page, press)
        head = run.locator(".conclusion-head").inner_text()
        print(f"{head} ({run.locator('p.muted').last.inner_text()})")
        if re.search(says, head) or time.monotonic() > until:
            assert re.search(says, head)
            return run
        page.wait_for_timeout(400)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_the_card_names_the_fault_and_who_must_act(
    product_lab: Product, card: Callable[[str], Page], fault: Fault
) -> None:
    page = card(fault.customer)
    with fault.make(product_lab, fault.customer):
        run = diagnose_until(page, fault.says)
        facts = run.locator(".conclusion-facts").inner_text()
        assert fault.who in facts
        assert "“" in facts, "there are words to say to the customer"
        if fault.sure:
            assert f"\n{fault.sure}\n" in facts.replace("\t", "\n") + "\n", facts
        broken = run.locator(f"[data-stage={fault.stage}].is-broken")
        assert broken.locator("[data-part=state]").inner_text().strip() in ("broken", "odd")
        assert broken.locator("dd").first.is_visible(), "its evidence is open"


def test_a_dead_device_is_named_and_is_one_incident_told_on_every_card_behind_it(
    product_lab: Product, card: Callable[[str], Page]
) -> None:
    with faults.dead_device(product_lab):
        run = diagnose_until(card("c2"), "lab-access-switch does not answer")
        expect(run.locator(".conclusion-facts")).to_contain_text("the NOC")
        expect(run.locator("[data-stage=device].is-broken")).to_be_visible()
        with product_lab.database.reading() as session:
            (found,) = incidents.page(session, is_closed=False).rows
            numbers = {one.number for one in incidents.affected(session, found.id)}
        assert (found.place, found.is_automatic) == ("lab-access-switch", True)
        assert {"LAB-1", "LAB-2"} <= numbers
        other = card("c1")
        expect(other.locator("body")).to_contain_text("lab-access-switch: lab-access-switch does not answer")
        diagnose_until(other, "A known incident covers this customer")


def test_after_all_that_a_line_is_fine_on_a_phone_too_and_who_comes_late_sees_the_same(
    product_lab: Product, card: Callable[..., Page]
) -> None:
    page = card("c1", **PHONE)

    def press() -> None:
        page.keyboard.press("d")

    with faults.nothing(product_lab, "c1"):
        # A line that was just locked or cut is given time to come back.
        run = diagnose_until(page, "The line is fine as far as it can be measured", press)
    for name in ("account", "pop", "mac", "address", "quality"):
        expect(run.locator(f"[data-stage={name}] [data-part=state]")).to_have_text(re.compile("fine"))
    assert run.locator(".is-broken").count() == 0
    run.locator("[data-stage=account] summary").focus()
    page.keyboard.press("Enter")
    expect(run.locator("[data-stage=account]").get_by_text("Access wanted")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.locator("#runs-history")).to_contain_text("The line is fine", timeout=VERDICT_MS)
    number = (run.get_attribute("id") or "").removeprefix("run-")
    page.goto(page.url.replace(page.url[page.url.index("/customers") :], f"/runs/{number}"))
    expect(page.locator("[data-part=verdict]")).to_contain_text(
        "The line is fine as far as it can be measured"
    )
