"""The card: one screen that tells everything, and everything on it changed in place."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import product as products
from tests.browser import looks, who
from tests.browser.conftest import Screen

pytestmark = pytest.mark.early

Visit = Callable[..., Page]
PANELS = (
    "customer", "contacts", "addresses", "balance", "files", "services", "equipment", "ips", "ports",
    "cables", "diagnostics", "tickets", "notes", "history",
)  # fmt: skip


@pytest.fixture
def card(visit: Visit, product: products.Product, screen: Screen) -> Callable[..., Page]:
    """Return a function that opens the card of this screen's `place`-th usual customer."""

    def show(place: int, login: str = "noc") -> Page:
        return visit(f"/customers/{product.customer_id(who.usual(place, screen).number)}", login)

    return show


def panel(page: Page, name: str) -> Locator:
    """Return a panel of the card."""
    return page.locator(f"#panel-{name}")


def press(row: Locator, name: str) -> None:
    """Press a tool of a row; it shows when the row is pointed at."""
    row.hover()
    row.get_by_role("button", name=re.compile(f"^{name}")).click()


def test_every_panel_comes_and_nothing_lies_beside_the_screen(
    card: Callable[..., Page], screen: Screen
) -> None:
    page = card(2, "admin")
    looks.settle(page)
    for name in PANELS:
        expect(panel(page, name)).to_be_visible()
    looks.check(page)
    one = who.usual(2, screen)
    expect(panel(page, "ips")).to_contain_text(one.address)
    expect(panel(page, "equipment")).to_contain_text(one.mac)
    for words in ("wanted", "applied", "observed"):
        expect(panel(page, "services").get_by_text(words, exact=True).first).to_be_visible()
    phone = panel(page, "contacts").locator("a[href^='tel:']").first
    assert re.fullmatch(r"tel:\+\d+", phone.get_attribute("href") or "")
    panel(page, "addresses").get_by_role("button", name="show here").click()
    expect(page.locator("#panel-map .leaflet-container")).to_be_visible()
    looks.check(page)


def test_every_place_of_the_card_is_one_key_away(card: Callable[..., Page]) -> None:
    page = card(2)
    looks.settle(page)
    page.keyboard.press("9")
    expect(panel(page, "tickets")).to_be_in_viewport()
    page.locator(".card-jump summary").click()
    page.get_by_role("link", name="History").click()
    expect(panel(page, "history")).to_be_in_viewport()


def test_a_contact_with_a_fault_keeps_what_was_typed_and_is_then_saved_in_place(
    card: Callable[..., Page],
) -> None:
    page = card(3)
    looks.settle(page)
    address = page.url
    contacts = panel(page, "contacts")
    press(contacts.locator("li").first, "Edit")
    contacts.get_by_label("E-mail", exact=True).fill("not an address")
    contacts.get_by_label("Who it is").fill("the owner's sister")
    contacts.get_by_role("button", name="Save").click()
    wrong = contacts.get_by_label("E-mail", exact=True)
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_be_focused()
    expect(wrong).to_have_value("not an address")
    expect(contacts.get_by_label("Who it is")).to_have_value("the owner's sister")
    looks.check(page)
    wrong.fill("sister@example.net")
    contacts.get_by_role("button", name="Save").click()
    expect(contacts.get_by_role("link", name="sister@example.net")).to_be_visible()
    expect(contacts).to_contain_text("the owner's sister")
    expect(panel(page, "history")).to_contain_text("Contact")
    assert page.url == address
    page.reload()
    expect(contacts).to_contain_text("sister@example.net")


def test_escape_leaves_a_form_of_the_card_and_who_saves_second_keeps_what_he_typed(
    card: Callable[..., Page],
) -> None:
    page = card(3)
    looks.settle(page)
    names = panel(page, "customer")
    names.locator("summary", has_text="Change").click()
    names.get_by_role("button", name="Names and kind").click()
    names.get_by_label("First name").fill("Typed in vain")
    page.evaluate("document.querySelector('[name=version]').value = '0'")
    names.get_by_role("button", name="Save").click()
    expect(names.get_by_role("alert")).to_contain_text("Somebody else was first")
    expect(names.get_by_label("First name")).to_have_value("Typed in vain")
    looks.check(page)
    contacts = panel(page, "contacts")
    contacts.get_by_role("button", name=re.compile("^Add")).click()
    expect(contacts.get_by_label("Name")).to_be_visible()
    contacts.get_by_label("Name").press("Escape")
    expect(contacts.get_by_label("Name")).to_have_count(0)


def test_floor_zero_is_a_floor(card: Callable[..., Page]) -> None:
    page = card(4)
    places = panel(page, "addresses")
    press(places.locator("li").first, "Edit")
    places.get_by_label("Floor").fill("0")
    places.get_by_role("button", name="Save").click()
    expect(places).to_contain_text("floor 0")
    press(places.locator("li").first, "Edit")
    expect(places.get_by_label("Floor")).to_have_value("0")
    looks.check(page)
    places.get_by_label("Floor").fill("")
    places.get_by_role("button", name="Save").click()
    expect(places.get_by_role("button", name="Save")).to_have_count(0)
    expect(places).not_to_contain_text("floor")


def test_an_urgent_note_comes_before_everything(card: Callable[..., Page]) -> None:
    page = card(5)
    looks.settle(page)
    notes = panel(page, "notes")
    for words, is_urgent in (
        ("A quiet word.", False),
        ("Dog bites: call first.", True),
        ("Later word.", False),
    ):
        notes.get_by_role("button", name=re.compile("^Add")).click()
        notes.get_by_role("textbox", name="Text").fill(words)
        notes.get_by_label("Urgent").set_checked(is_urgent)
        notes.get_by_role("button", name="Save").click()
        expect(notes.get_by_text(words)).to_be_visible()
    expect(notes.locator("li").first).to_contain_text("Dog bites")
    first = page.locator("#card-top .urgent")
    expect(first).to_contain_text("Dog bites: call first.")
    top, strip = first.bounding_box(), page.locator(".card-strip").bounding_box()
    assert top is not None
    assert strip is not None
    assert top["y"] < strip["y"]
    page.reload()
    expect(first).to_contain_text("Dog bites: call first.")
    looks.check(page)


def test_a_ticket_is_opened_answered_and_closed_on_the_card(card: Callable[..., Page]) -> None:
    page = card(6)
    looks.settle(page)
    tickets = panel(page, "tickets")
    tickets.get_by_role("button", name=re.compile("^Add")).click()
    tickets.get_by_role("button", name="Open the ticket").click()
    expect(tickets.get_by_label("What it is about")).to_have_attribute("aria-invalid", "true")
    tickets.get_by_label("What it is about").fill("Nothing since noon")
    tickets.get_by_label("Urgency").select_option(label="1, at once")
    tickets.get_by_role("button", name="Open the ticket").click()
    expect(page.locator(".card-task")).to_contain_text("Nothing since noon")
    expect(panel(page, "history")).to_contain_text("Ticket")
    page.locator(".card-task").click()
    tickets.get_by_label("Comment").fill("Cable is cut, a man is on his way.")
    tickets.get_by_role("button", name="Comment").click()
    expect(tickets.get_by_text("Cable is cut, a man is on his way.")).to_be_visible()
    expect(tickets.get_by_label("Comment")).to_have_value("")
    looks.check(page)
    tickets.get_by_role("button", name="Close the ticket").click()
    expect(tickets).to_contain_text("Closed", ignore_case=True)
    expect(page.locator(".card-task", has_text="Nothing since noon")).to_have_count(0)


def test_equipment_is_added_changed_and_taken_off(card: Callable[..., Page], screen: Screen) -> None:
    page = card(7)
    gear = panel(page, "equipment")
    gear.get_by_role("button", name=re.compile("^Add")).click()
    gear.get_by_label("Name").fill(f"tv-box-{screen.place}")
    gear.get_by_label("Type").select_option(index=1)
    gear.get_by_label("MAC").fill("not a mac")
    gear.get_by_role("button", name="Save").click()
    expect(gear.get_by_label("MAC")).to_have_attribute("aria-invalid", "true")
    expect(gear.get_by_label("Name")).to_have_value(f"tv-box-{screen.place}")
    gear.get_by_label("MAC").fill(f"AABB.CCDD.EE0{screen.place}")
    gear.get_by_role("button", name="Save").click()
    row = gear.locator("li", has_text=f"tv-box-{screen.place}")
    expect(row).to_contain_text(f"aa:bb:cc:dd:ee:0{screen.place}")
    looks.check(page)
    press(row, "Remove")
    asked = page.get_by_role("dialog", name="Are you sure?")
    page.keyboard.press("Escape")
    expect(asked).to_be_hidden()
    expect(row).to_be_visible()
    press(row, "Remove")
    asked.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)


def test_a_wrong_ip_is_refused_at_its_field_with_everything_typed_kept(
    card: Callable[..., Page], screen: Screen
) -> None:
    page = card(8)
    looks.settle(page)
    ips = panel(page, "ips")
    ips.get_by_role("button", name=re.compile("^Add")).click()
    address = ips.locator("input[name=address]")
    address.fill("127.20.1.999")
    ips.get_by_label("Description").fill("camera at the gate")
    ips.get_by_role("button", name="Save").click()
    expect(address).to_have_attribute("aria-invalid", "true")
    expect(address).to_have_value("127.20.1.999")
    expect(ips.get_by_label("Description")).to_have_value("camera at the gate")
    looks.check(page)
    taken = who.usual(9, screen).address
    address.fill(taken)
    ips.get_by_role("button", name="Save").click()
    expect(ips.locator(".error")).to_contain_text("has this address")
    address.fill(f"127.20.1.24{screen.place}")
    ips.get_by_role("button", name="Save").click()
    expect(ips).to_contain_text("camera at the gate")
    expect(page.locator("#diagnose-addresses")).to_contain_text(f"127.20.1.24{screen.place}")


def test_the_head_is_changed_in_place(card: Callable[..., Page], screen: Screen) -> None:
    page = card(10, "admin")
    head = panel(page, "customer")
    for words in ("Names and kind", "Customer number", "Change the status", "Groups and marks"):
        head.locator("summary", has_text="Change").click()
        head.get_by_role("button", name=words).click()
        expect(head.locator("form")).to_be_visible()
        looks.check(page)
        expect(page.get_by_role("heading", level=1)).to_contain_text(who.usual(10, screen).party.last_name)
        head.get_by_role("link", name="Cancel").click()
        expect(head.locator("form")).to_have_count(0)
    head.locator("summary", has_text="Change").click()
    head.get_by_role("button", name="Alert banner").click()
    head.get_by_label("Banner").fill("Riser work on Friday")
    head.get_by_role("button", name="Save").click()
    expect(page.locator(".card-alert")).to_contain_text("Riser work on Friday")


def test_a_switch_port_and_a_cable_are_put_on_file(card: Callable[..., Page]) -> None:
    page = card(11)
    looks.settle(page)
    ports = panel(page, "ports")
    ports.get_by_role("button", name=re.compile("^Add")).click()
    expect(ports.get_by_label("Port")).to_be_visible()
    looks.check(page)
    ports.get_by_label("VLAN").fill("5000")
    ports.get_by_role("button", name="Connect").click()
    expect(ports.get_by_label("VLAN")).to_have_attribute("aria-invalid", "true")
    ports.get_by_role("link", name="Cancel").click()
    cables = panel(page, "cables")
    cables.get_by_role("button", name=re.compile("^Add")).click()
    cables.get_by_label("Type").select_option(label="Fibre")
    cables.get_by_label("Length, m").fill("42.5")
    looks.check(page)
    cables.get_by_label("Other end").select_option(index=1)
    cables.get_by_role("button", name="Save").click()
    expect(cables).to_contain_text("42.5 m")


def test_a_new_customer_lands_on_his_own_card(visit: Visit, screen: Screen) -> None:
    page = visit("/customers/new", "billing")
    page.get_by_role("button", name="Add the customer").click()
    expect(page.get_by_label("Last name")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Last name").fill("Ґалаґан")
    page.get_by_label("First name").fill(f"Їжак {screen.place}")
    page.get_by_label("Street").fill("Lantern Row")
    page.get_by_label("City").fill("Sandhaven")
    page.get_by_label("Floor").fill("0")
    page.get_by_label("Phone").fill("+380 44 123 45 6" + str(screen.place))
    page.get_by_role("button", name="Add the customer").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ґалаґан")
    looks.settle(page)
    expect(panel(page, "addresses")).to_contain_text("floor 0")
    looks.check(page)


def test_the_graphs_follow_the_period_and_what_is_down_is_narrowed(
    card: Callable[..., Page], visit: Visit
) -> None:
    page = card(2)
    looks.settle(page)
    watch = panel(page, "watch")
    drawn = watch.locator("[data-history-chart][data-points] canvas")
    watch.scroll_into_view_if_needed()
    expect(drawn.first).to_be_visible()
    for span in ("Week", "Month", "Day"):
        watch.get_by_role("link", name=span, exact=True).click()
        expect(watch.locator("a[aria-current]")).to_have_text(span)
        expect(drawn.first).to_be_visible()
    watch.get_by_role("button", name="Show").click()
    expect(watch.locator("a[aria-current]")).to_have_count(0)
    expect(watch.locator("[data-history-chart]").first).to_have_attribute("data-url", re.compile("fine=1"))
    expect(drawn.first).to_be_visible()
    looks.check(page)
    page = visit("/watch/down")
    page.get_by_label("Whose").select_option(label="our gear")
    page.get_by_label("State").select_option(label="dead")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile(r"kind=gear.*state=dead"))
    expect(page.get_by_label("Whose")).to_have_value("gear")
    looks.check(page)
    page.get_by_role("link", name="Clear").click()
    expect(page).to_have_url(re.compile(r"/watch/down$"))
