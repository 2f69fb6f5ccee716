"""What every page must be like, asked inside the page: headings, labels, nothing beside the screen."""

from typing import Any

from playwright.sync_api import Page, expect

# Whatever is shown and takes part: leaflet's own parts move with the map and are left to it.
_FINDINGS = """(width) => {
  const shown = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0;
  const named = (one) => {
    const words = [one.getAttribute("aria-label"), one.title, ...[...(one.labels ?? [])].map((it) => it.textContent)];
    const by = one.getAttribute("aria-labelledby");
    if (by) words.push(...by.split(" ").map((id) => document.getElementById(id)?.textContent));
    if (one.matches("a, button, summary")) {
      words.push(one.textContent, ...[...one.querySelectorAll("[aria-label]")].map((it) => it.ariaLabel));
    }
    return words.some((word) => word?.trim());
  };
  const short = (one) => one.outerHTML.replace(/\\s+/g, " ").slice(0, 160);
  const all = (selector) => [...document.querySelectorAll(selector)].filter((one) => !one.closest(".map"));
  const parts = all("input:not([type=hidden]), select, textarea, button, a[href], summary").filter(shown);
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  const wide = document.documentElement.scrollWidth;
  const scrolls = (one) => one.closest(".table-wrap, .tabs, .visually-hidden, .skip, .rail");
  return {
    headings: all("h1").filter(shown).map((one) => one.textContent.trim()),
    unnamed: parts.filter((one) => !named(one)).map(short),
    outside: parts.filter((one) => !scrolls(one)).filter((one) => {
      const box = one.getBoundingClientRect();
      return box.right > width + 1 || box.left < -1;
    }).map(short),
    scrolled: wide > width ? wide : 0,
    twice: ids.filter((id, place) => ids.indexOf(id) !== place),
    language: document.documentElement.lang ? "" : "no language",
    title: document.title ? "" : "no title",
  };
}"""


def settle(page: Page) -> None:
    """Wait until every part of the page has come; fails when one could not."""
    expect(page.locator(".is-loading")).to_have_count(0)
    expect(page.locator(".empty-bad")).to_have_count(0)


def check(page: Page) -> None:
    """Fail with everything that is wrong with the page as it stands."""
    found: dict[str, Any] = page.evaluate(_FINDINGS, (page.viewport_size or {})["width"])
    headings = found.pop("headings")
    faults = {name: words for name, words in found.items() if words}
    if len(headings) != 1:
        faults["headings"] = headings
    assert faults == {}, f"{page.url}: {faults}"
