"""In at the door, along every page, by keys alone, and out again."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests import product as products
from tests.browser import looks, who
from tests.browser.conftest import Person, Screen

pytestmark = pytest.mark.early

Visit = Callable[..., Page]

PAGES = (
    "/customers?debtors=1&sort=-balance",
    "/customers/new",
    "/staff/new",
    "/staff/1",
    "/me/password",
    "/me/sessions",
)
PAGES_OF_ONE = ("", "/money", "/money/payment", "/money/promise", "/money/terms", "/services/new", "/point")


def test_a_wrong_password_is_said_at_the_form_and_the_right_one_leads_to_the_wanted_page(
    product: products.Product, stranger: Callable[..., Person], screen: Screen
) -> None:
    page = stranger(product, **screen.options).open("/staff?x=1")
    looks.check(page)
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not fit together")
    expect(page.get_by_label("Name")).to_have_value("admin")
    expect(page.get_by_label("Password")).to_have_value("")
    looks.check(page)
    page.get_by_label("Password").fill(products.PASSWORDS["admin"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Staff")
    assert page.url.endswith("/staff?x=1")


def test_who_signs_out_is_out_and_back_shows_nothing(
    product: products.Product, stranger: Callable[..., Person], screen: Screen
) -> None:
    page = stranger(product, **screen.options).open("/sign-in")
    page.get_by_label("Name").fill("tech")
    page.get_by_label("Password").fill(products.PASSWORDS["tech"])
    page.get_by_role("button", name="Sign in").click()
    page.locator("summary.who").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.goto(f"{product.base_url}/customers")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_every_page_fits_the_screen_and_names_what_is_on_it(visit: Visit, screen: Screen) -> None:
    page = visit("/customers")
    base = page.url.removesuffix("/customers")
    number = who.usual(0, screen).number
    page.goto(f"{base}/customers?q={number}")
    page.locator(".customers a.row-link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(number)
    one = page.url.removeprefix(base)
    rail = [link.get_attribute("href") or "" for link in page.locator("nav.rail a").all()]
    for path in dict.fromkeys((*rail, *PAGES, *(one + rest for rest in PAGES_OF_ONE))):
        answer = page.goto(base + path)
        assert answer is not None
        assert answer.status == 200, path
        looks.settle(page)
        looks.check(page)


def test_the_theme_follows_the_system_and_a_chosen_one_is_remembered(
    product: products.Product, sign_in: Callable[..., Person], screen: Screen
) -> None:
    page = sign_in(product, **screen.options, color_scheme="dark").open("/customers")
    looks.check(page)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Theme").click()
    expect(page.locator("body")).not_to_have_css("background-color", dark)
    page.reload()
    expect(page.locator("body")).not_to_have_css("background-color", dark)


@pytest.mark.parametrize("login", ["noc", "billing", "tech"])
def test_everybody_reaches_every_page_of_his_own_rail(
    login: str, product: products.Product, sign_in: Callable[..., Person]
) -> None:
    page = sign_in(product, login).open("/customers")
    links = page.locator("nav.rail a")
    for path in [links.nth(place).get_attribute("href") or "" for place in range(links.count())]:
        answer = page.goto(product.base_url + path)
        assert answer is not None
        assert answer.status == 200, path
        looks.check(page)


def test_the_search_is_one_key_away_and_escape_leaves_it(visit: Visit) -> None:
    page = visit("/staff")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#search")).not_to_be_focused()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard")
    expect(keys).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("x")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cutoff")


def test_the_navigation_opens_and_leads_on(visit: Visit, screen: Screen) -> None:
    page = visit("/customers")
    rail = page.get_by_role("navigation", name="Main")
    if screen.is_phone:
        first = rail.get_by_role("link", name="Customers")  # the last ones may have to be scrolled to
        expect(first).not_to_be_in_viewport()
        page.get_by_role("button", name="Menu", exact=True).click()
        expect(first).to_be_in_viewport()
        page.keyboard.press("Escape")
        expect(first).not_to_be_in_viewport()
        page.get_by_role("button", name="Menu", exact=True).click()
    rail.get_by_role("link", name="Staff").click()
    expect(page).to_have_url(re.compile(r"/staff$"))
    expect(page.locator("nav.rail [aria-current=page]")).to_have_text("Staff")


def test_tab_goes_past_the_frame_to_the_first_act_and_is_seen(visit: Visit) -> None:
    page = visit("/customers")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the page")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    for _ in range(7):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('main .page-head .btn-primary')"):
            break
    focused = page.locator(":focus")
    expect(focused).to_have_text("New customer")
    ring = focused.evaluate("one => [getComputedStyle(one).outlineStyle, getComputedStyle(one).boxShadow]")
    assert ring[0] != "none" or ring[1] != "none"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("New customer")
    expect(page.get_by_label("Last name")).to_be_focused()


def test_a_wrong_address_says_so_and_leads_back(
    product: products.Product, sign_in: Callable[..., Person], screen: Screen
) -> None:
    person = sign_in(product, **screen.options)
    page = person.open("/customers/99999999")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    looks.check(page)
    page.get_by_role("link", name="To the first page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Customers")
    person.complaints = [one for one in person.complaints if "404" not in one]
