"""Fixtures of the browser tests: the running product, real Chromium, and an eye on everything it complains about."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests import product as products

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 360, "height": 800}


@dataclass
class Person:
    """A signed-in person's browser and what it complained about."""

    context: BrowserContext
    base_url: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Open a page in a tab of its own."""
        page = self.context.new_page()
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(f"{path}: {error}"))
        page.on("response", self._look)
        page.goto(self.base_url + path)
        return page

    def _listen(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.location.get('url', '')}: {message.text}")

    def _look(self, response: Any) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status} {response.url}")


@pytest.fixture(scope="session")
def chromium(need: Callable[..., None]) -> Iterator[Browser]:
    need("chromium")
    path = next(found for found in CHROMIUM if Path(found).exists())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def sign_in(chromium: Browser) -> Iterator[Callable[..., Person]]:
    """Return a function that signs a demo person in; whatever a browser complained about fails the test."""
    people: list[Person] = []

    def sign(
        running: products.Product, login: str = "admin", *, viewport: Any = None, **options: Any
    ) -> Person:
        context = chromium.new_context(viewport=viewport or DESKTOP, **options)
        context.set_default_timeout(15_000)
        person = Person(context, running.base_url)
        people.append(person)
        page = person.open("/sign-in")
        page.get_by_label(re.compile("name", re.IGNORECASE)).first.fill(login)
        page.get_by_label(re.compile("password", re.IGNORECASE)).first.fill(products.PASSWORDS[login])
        page.get_by_role("button", name=re.compile("sign in", re.IGNORECASE)).click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        page.close()
        return person

    yield sign
    complaints = [complaint for person in people for complaint in person.complaints]
    for person in people:
        person.context.close()
    assert complaints == []
