"""Finding a customer by whatever is known of him, and the list that carries everything in its address."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlalchemy import select

from registry.models import Address, Contact
from tests import product as products
from tests.browser import looks, who
from tests.browser.conftest import Screen

Visit = Callable[..., Page]


def _known(product: products.Product, screen: Screen) -> tuple[str, dict[str, str]]:
    """Return a customer's number and everything a caller may say of him."""
    one = who.usual(1, screen)
    customer_id = product.customer_id(one.number)
    with product.database.reading() as session:
        phone = session.scalars(select(Contact.phone).where(Contact.customer_id == customer_id)).first()
        place = session.scalars(select(Address).where(Address.customer_id == customer_id)).one()
        street = f"{place.street} {place.building}"
    return one.number, {
        "name": f"{one.party.last_name} {one.party.first_name}".lower(),
        "number": one.number,
        "IP": one.address,
        "MAC": one.mac.replace(":", "").upper(),
        "phone": (phone or "")[-9:],
        "address": street,
    }


def test_a_customer_is_found_by_whatever_is_known_of_him(
    visit: Visit, product: products.Product, screen: Screen
) -> None:
    number, known = _known(product, screen)
    page = visit("/runs", "noc")
    row = page.locator(".customers tbody tr", has_text=number)
    for kind, words in known.items():
        page.locator("#search").fill(words)
        page.keyboard.press("Enter")
        expect(row, kind).to_have_count(1)
        expect(page.locator("#search")).to_have_value(words)
    looks.check(page)
    row.locator("a.row-link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(number)


def test_what_nobody_is_called_says_so_and_shows_everybody_again(visit: Visit) -> None:
    page = visit("/customers?q=zzzzqqq")
    expect(page.get_by_text("No customer matches")).to_be_visible()
    looks.check(page)
    page.get_by_role("link", name="Show everybody").click()
    expect(page.locator(".customers tbody tr").first).to_be_visible()


def _open_filters(page: Page, screen: Screen) -> None:
    if screen.is_phone:
        page.get_by_text("Filters", exact=True).click()


def test_filters_work_together_and_the_address_carries_them(visit: Visit, screen: Screen) -> None:
    page = visit("/customers")
    total = page.locator("#customer-total")
    everybody = int(total.inner_text())
    _open_filters(page, screen)
    filters = page.get_by_role("search", name="Filter the list")
    filters.get_by_label("Status").select_option(label="connected")
    expect(page).to_have_url(re.compile("status=connected"))
    filters.get_by_label("City").select_option(label="Sandhaven")
    expect(page).to_have_url(re.compile("city=Sandhaven"))
    expect(page.locator(".customers tbody tr").first).to_contain_text("Sandhaven")
    for text, name in (("Network", "network"), ("Group", "group"), ("Equipment", "type")):
        filters.get_by_label(text).select_option(index=1)
        expect(page).to_have_url(re.compile(rf"{name}=\d+"))
        filters.get_by_label(text).select_option(value="")
        expect(page).not_to_have_url(re.compile(f"{name}="))
    filters.get_by_label("debtors").check()
    expect(page).to_have_url(re.compile("debtors=1"))
    expect(total).not_to_have_text(str(everybody))
    few = total.inner_text()
    shown = page.locator(".customers tbody tr").count()
    assert 0 < shown == int(few) < everybody
    looks.check(page)

    page.reload()
    expect(total).to_have_text(few)
    expect(filters.get_by_label("City")).to_have_value("Sandhaven")
    expect(filters.get_by_label("debtors")).to_be_checked()
    page.locator("a.row-link").first.click()
    expect(page.locator("#panel-customer")).to_be_visible()
    page.go_back()
    expect(total).to_have_text(few)
    expect(filters.get_by_label("Status")).to_have_value("connected")
    page.go_back()
    expect(total).not_to_have_text(few)
    expect(filters.get_by_label("debtors")).not_to_be_checked()


def test_typing_in_the_list_finds_without_a_press(visit: Visit, screen: Screen) -> None:
    page = visit("/customers")
    number = who.usual(1, screen).number
    page.get_by_role("search", name="Filter the list").get_by_label("Search").press_sequentially(number)
    expect(page.locator(".customers tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(f"q={number}"))


def test_every_column_sorts_and_pages_follow(visit: Visit, screen: Screen) -> None:
    page = visit("/customers?sort=number")
    number = page.locator(".cell-number").first
    expect(number).to_have_text("10001")
    if not screen.is_phone:  # a phone shows cards without a head
        for text, key in (
            ("Number", "-number"),
            ("Name", "name"),
            ("Status", "status"),
            ("Line", "access"),
            ("Address", "address"),
            ("Service", "service"),
            ("Balance", "balance"),
        ):
            page.locator(".customers thead").get_by_role("link", name=text).click()
            expect(page).to_have_url(re.compile(f"sort={key}(&|$)"))
            expect(page.locator(".customers th[aria-sort]")).to_have_count(1)
        page.goto(page.url.partition("?")[0] + "?sort=number")
    page.get_by_role("link", name="Next").click()
    expect(number).to_have_text("10051")
    assert "sort=number" in page.url
    page.reload()
    expect(number).to_have_text("10051")
    page.get_by_role("link", name="Next").click()
    expect(number).to_have_text("10101")
    page.get_by_role("link", name="Previous").click()
    expect(number).to_have_text("10051")
    page.go_back()
    expect(number).to_have_text("10101")
    page.keyboard.press("p")
    expect(number).to_have_text("10051")
