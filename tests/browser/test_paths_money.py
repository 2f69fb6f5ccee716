"""Money: a payment that is booked once, a debt paid back in one confirmed press, promises, locks by hand."""

import re
from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from billing.models import LedgerEntry
from core import clock
from registry.models import Customer
from tests import product as products
from tests.browser import looks, who
from tests.browser.conftest import Person, Screen

Visit = Callable[..., Page]


def _entries(product: products.Product, customer_id: int) -> int:
    with product.database.reading() as session:
        account = select(Customer.account_id).where(Customer.id == customer_id).scalar_subquery()
        query = select(func.count()).select_from(LedgerEntry).where(LedgerEntry.account_id == account)
        return session.scalar(query) or 0


def test_a_payment_is_booked_once_however_often_it_is_sent_and_opens_the_line(
    visit: Visit, product: products.Product, screen: Screen
) -> None:
    one = who.debtor(product, "cut, two months", screen)
    page = visit(f"/customers/{one.id}", "billing")
    looks.settle(page)
    expect(page.locator("#panel-services")).to_contain_text("closed")
    before = _entries(product, one.id)
    page.locator("#panel-balance").get_by_role("link", name="Payment").click()
    amount = page.get_by_label("Amount")
    expect(amount).to_have_value(f"{-one.balance_minor / 100:.2f}")
    looks.check(page)
    page.get_by_label("Reference").fill(f"R-{screen.place}")
    page.get_by_role("button", name="Record the payment").dblclick()
    expect(page.locator(".toast-ok")).to_contain_text("booked")
    expect(page.locator("#ledger")).to_contain_text(f"R-{screen.place}")
    looks.check(page)
    assert _entries(product, one.id) == before + 1
    page.go_back()  # to the form, as an impatient person does
    expect(page.get_by_role("heading", level=1)).to_have_text("Record a payment")
    page.get_by_role("button", name="Record the payment").click()
    page.wait_for_load_state("networkidle")
    assert _entries(product, one.id) == before + 1
    page.goto(f"{product.base_url}/customers/{one.id}")
    expect(page.locator("#panel-balance")).to_contain_text("€0.00")
    expect(page.locator("#panel-services dl.access").first).not_to_contain_text("closed", timeout=10_000)


def test_an_amount_that_is_none_is_refused_at_its_field_and_kept(
    visit: Visit, product: products.Product, screen: Screen
) -> None:
    customer_id = product.customer_id(who.usual(17, screen).number)
    page = visit(f"/customers/{customer_id}/money/payment", "billing")
    amount = page.get_by_label("Amount")
    for wrong in ("12.345", "twelve", "-3", ""):
        amount.fill(wrong)
        page.get_by_label("Reference").fill("kept")
        page.get_by_role("button", name="Record the payment").click()
        expect(page.locator(".field.has-error .error")).to_have_count(1)
        expect(amount).to_have_attribute("aria-invalid", "true")
        expect(amount).to_have_value(wrong)
        expect(page.get_by_label("Reference")).to_have_value("kept")
    looks.check(page)


def test_a_debt_is_paid_back_in_one_confirmed_press(
    visit: Visit, product: products.Product, screen: Screen
) -> None:
    one = who.debtor(product, "due tonight", screen)
    page = visit(f"/customers/{one.id}/money", "billing")
    page.get_by_role("button", name=re.compile("^Pay back")).click()
    asked = page.get_by_role("dialog", name="Are you sure?")
    expect(asked).to_contain_text("the debt becomes zero")
    page.keyboard.press("Escape")
    expect(asked).to_be_hidden()
    page.get_by_role("button", name=re.compile("^Pay back")).click()
    asked.get_by_role("button", name="Paid").click()
    expect(page.locator(".toast-ok")).to_contain_text("booked")
    expect(page.locator(".figures").first).to_contain_text("€0.00")
    expect(page.get_by_role("button", name=re.compile("^Pay back"))).to_have_count(0)
    looks.check(page)


def test_the_list_pays_a_debt_back_or_leads_to_writing_it_off(
    visit: Visit, product: products.Product, screen: Screen
) -> None:
    one = who.debtor(product, "due tonight", screen, place=1)
    page = visit(f"/customers?q={one.number}", "billing")
    page.get_by_role("button", name=re.compile("^Pay back the debt")).click()
    asked = page.get_by_role("dialog")
    expect(asked).to_contain_text("in cash now")
    looks.check(page)
    asked.get_by_role("button", name="Cancel").click()
    page.goto(f"{product.base_url}/customers/{one.id}/money/payback")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pay back the debt")
    looks.check(page)
    page.get_by_label("It is written off").check()
    page.get_by_role("button", name="Set the debt to zero").click()
    page.get_by_role("dialog").get_by_role("button", name="Set to zero").click()
    expect(page.locator(".toast-ok")).to_contain_text("booked")


def test_a_promise_lets_a_debtor_in_and_is_bounded(
    visit: Visit, product: products.Product, screen: Screen
) -> None:
    one = who.debtor(product, "cut, two months", screen, place=1)
    page = visit(f"/customers/{one.id}/money/promise", "billing")
    today = clock.today(product.settings.isp.time_zone)
    page.get_by_label("Until the end of").fill((today + timedelta(days=900)).isoformat())
    page.get_by_role("button", name="Write it down").click()
    expect(page.get_by_label("Until the end of")).to_have_attribute("aria-invalid", "true")
    looks.check(page)
    page.get_by_label("Until the end of").fill((today + timedelta(days=3)).isoformat())
    page.get_by_label("Note").fill("called at noon")
    page.get_by_role("button", name="Write it down").click()
    expect(page.locator(".toast-ok")).to_contain_text("Debt does not cut")
    expect(page.locator("#panel-promises")).to_contain_text("called at noon")
    looks.check(page)
    page.goto(f"{product.base_url}/customers/{one.id}")
    expect(page.locator("#panel-balance")).to_contain_text(re.compile(r"Promised to pay \S+ by"))
    expect(page.locator("#panel-services dl.access").first).not_to_contain_text("closed", timeout=10_000)


def test_a_line_is_locked_by_hand_and_let_in_again(
    visit: Visit, product: products.Product, screen: Screen
) -> None:
    customer_id = product.customer_id(who.usual(16, screen).number)
    page = visit(f"/customers/{customer_id}/money")
    services = page.locator("#panel-services")
    services.get_by_role("link", name="Suspend").first.click()
    expect(page.get_by_label("Reason")).to_be_visible()
    looks.check(page)
    page.get_by_role("button", name="Suspend").click()
    expect(page.get_by_label("Reason")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Reason").fill("Sends spam")
    page.get_by_role("button", name="Suspend").click()
    expect(services).to_contain_text("Sends spam")
    page.goto(f"{product.base_url}/customers/{customer_id}")
    expect(page.locator("#panel-services .lock")).to_contain_text("Sends spam")
    locked = page.locator("#panel-services li", has_text="Sends spam")
    expect(locked.locator("dl.access")).to_contain_text("closed")
    looks.check(page)
    page.goto(f"{product.base_url}/customers/{customer_id}/money")
    services.get_by_role("button", name="Let in").click()
    page.get_by_role("dialog").get_by_role("button", name="Let in").click()
    expect(services).not_to_contain_text("Sends spam")


def test_an_entry_is_undone_by_a_counter_entry(
    visit: Visit, product: products.Product, screen: Screen
) -> None:
    customer_id = product.customer_id(who.usual(17, screen).number)
    page = visit(f"/customers/{customer_id}/money/payment")
    page.get_by_label("Amount").fill("5")
    page.get_by_role("button", name="Record the payment").click()
    page.get_by_role("link", name="Undo this entry").first.click()
    page.get_by_label("Reason").fill("Wrong customer")
    looks.check(page)
    page.locator("main form button[type=submit]").click()
    expect(page.locator("#ledger")).to_contain_text("Wrong customer")
    expect(page.locator("#ledger")).to_contain_text("undone")


def test_an_amount_is_read_and_shown_as_the_persons_language_writes_it(
    visit: Visit, stranger: Callable[..., Person], product: products.Product, screen: Screen
) -> None:
    login = f"ola{screen.place}"
    page = visit("/staff/new")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label("Sign-in name")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Sign-in name").fill(login)
    page.get_by_label("First password").fill("a few long words")
    page.get_by_role("textbox", name="Name", exact=True).fill("Оля Коваленко")
    page.get_by_label(re.compile("^Billing")).check()
    page.get_by_label("Language").select_option(label="Українська")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("main")).to_contain_text("Оля Коваленко")

    other = stranger(product, **screen.options).open("/sign-in")
    other.locator("input[name=login]").fill(login)
    other.locator("input[name=password]").fill("a few long words")
    other.locator("main button[type=submit]").click()
    other.wait_for_url(lambda url: "/sign-in" not in url)
    customer_id = product.customer_id(who.usual(18, screen).number)
    other.goto(f"{product.base_url}/customers/{customer_id}/money/payment")
    other.locator("input[name=amount]").fill("1 234,50")
    other.locator("#panel-payment button[type=submit]").click()
    expect(other.locator("#ledger")).to_contain_text(re.compile(r"1\s234,50"))
    looks.check(other)
