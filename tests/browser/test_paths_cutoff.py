"""The cutoff plan: made by a press, read, thrown away or applied after a question."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser import looks

Visit = Callable[..., Page]


def _plan(page: Page) -> None:
    page.get_by_role("button", name="Plan now").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Plan of")


def test_a_plan_says_who_and_why_and_can_be_thrown_away(visit: Visit) -> None:
    page = visit("/cutoff", "billing")
    looks.check(page)
    _plan(page)
    looks.check(page)
    rows = page.locator("#decisions tbody tr")
    never_cut = rows.filter(has_text="the director decides")  # the laboratory may have one of its own
    expect(never_cut).to_contain_text("never cut")
    expect(rows.filter(has_text="promise to pay").first).to_contain_text("Promised to pay until")
    expect(rows.filter(has_text="past due since").first).to_be_visible()
    tab = page.get_by_role("link", name=re.compile("spared never cut"))
    tab.click()
    expect(page).to_have_url(re.compile("reason=never_cut"))
    for _ in range(2):
        expect(never_cut).to_be_visible()
        expect(rows.filter(has_not_text="never cut")).to_have_count(0)
        page.reload()
    page.get_by_role("link", name=re.compile("^all")).click()
    page.get_by_label("Customer", exact=True).fill("10032")
    page.get_by_role("button", name="Filter").click()
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="Discard").click()
    asked = page.get_by_role("dialog", name="Are you sure?")
    expect(asked).to_contain_text("Nobody is cut by it")
    asked.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Apply")).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    asked.get_by_role("button", name="Yes, do it").click()
    expect(page.locator("main")).to_contain_text("discarded", ignore_case=True)
    expect(page.get_by_role("button", name="Apply")).to_have_count(0)


def test_an_applied_plan_tells_what_became_of_everybody(visit: Visit) -> None:
    page = visit("/cutoff", "billing")
    _plan(page)
    typed = page.get_by_label("Type how many it cuts off")
    if typed.is_visible():
        typed.fill(re.sub(r"\D", "", page.locator("#release .hint").first.inner_text()))
        page.get_by_label("Why this plan is right").fill("looked at each")
        page.get_by_role("button", name="Release", exact=True).click()
    page.get_by_role("button", name="Apply").click()
    asked = page.get_by_role("dialog", name="Are you sure?")
    expect(asked).to_contain_text("Cut off")
    looks.check(page)
    asked.get_by_role("button", name="Apply").click()
    expect(page.locator("main")).to_contain_text("Applied by")
    expect(page.get_by_role("button", name="Apply")).to_have_count(0)
    looks.check(page)
    page.get_by_role("navigation", name="Where").get_by_role("link", name="Cutoff").click()
    expect(page.locator("tbody tr").first).to_contain_text("applied")


def test_who_may_not_run_the_cutoff_may_read_it(visit: Visit) -> None:
    page = visit("/cutoff", "admin")
    _plan(page)
    path = re.sub(r"^https?://[^/]+", "", page.url)
    reader = visit(path, "noc")
    if reader.get_by_role("heading", level=1).inner_text().startswith("Plan of"):
        expect(reader.get_by_role("button", name="Apply")).to_have_count(0)
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes, do it").click()
    expect(page.locator("main")).to_contain_text("discarded", ignore_case=True)
