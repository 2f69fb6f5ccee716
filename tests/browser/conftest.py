"""Fixtures of the browser tests: the running product, real Chromium, and an eye on everything it complains about."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests import product as products

# The shell is the same engine without the window around it: a page costs it a third of the computing time.
CHROMIUM = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium", "/usr/bin/chromium-browser")
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
LIMIT_MS = 15_000  # a bound that tells slow from never, on a busy machine too
expect.set_options(timeout=LIMIT_MS)


@dataclass(frozen=True)
class Screen:
    """What somebody looks at; `place` lets the tests of each size take customers of their own."""

    place: int
    viewport: dict[str, int]

    @property
    def is_phone(self) -> bool:
        """Whether the frame folds its navigation away and a finger does the work of a mouse."""
        return self.viewport == PHONE

    @property
    def options(self) -> dict[str, Any]:
        """What a browser of this size is opened with."""
        return {"viewport": self.viewport, "is_mobile": self.is_phone, "has_touch": self.is_phone}


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
        is_refusal = re.search("status of (409|422)", message.text)  # a form that says what is wrong with it
        if message.type in {"error", "warning"} and not is_refusal:
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
def stranger(chromium: Browser) -> Iterator[Callable[..., Person]]:
    """Return a function that opens a browser nobody is signed in with; what it complained about fails the test."""
    people: list[Person] = []

    def meet(running: products.Product, *, viewport: Any = None, **options: Any) -> Person:
        # Nobody sees what spins and pulses, but each of its frames is drawn: a third of a live ping's time.
        how = {"viewport": viewport or DESKTOP, "reduced_motion": "reduce", **options}
        context = chromium.new_context(**how)
        context.set_default_timeout(LIMIT_MS)
        people.append(Person(context, running.base_url))
        return people[-1]

    yield meet
    complaints = [complaint for person in people for complaint in person.complaints]
    for person in people:
        person.context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def cookies() -> dict[tuple[str, str], Any]:
    """What each person's browser keeps after the first sign-in, so that not every test waits for the hash."""
    return {}


@pytest.fixture
def sign_in(stranger: Callable[..., Person], cookies: dict[tuple[str, str], Any]) -> Callable[..., Person]:
    """Return a function that gives a browser in which a demo person is signed in."""

    def sign(running: products.Product, login: str = "admin", **options: Any) -> Person:
        key = (running.base_url, login)
        if key in cookies:
            return stranger(running, storage_state=cookies[key], **options)
        person = stranger(running, **options)
        page = person.open("/sign-in")
        page.get_by_label("Name").fill(login)
        page.get_by_label("Password").fill(products.PASSWORDS[login])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        page.close()
        cookies[key] = person.context.storage_state()
        return person

    return sign


@pytest.fixture(params=[Screen(0, DESKTOP), Screen(1, PHONE)], ids=["desktop", "phone"])
def screen(request: pytest.FixtureRequest) -> Screen:
    """The two sizes every path is walked at."""
    found: Screen = request.param
    return found


@pytest.fixture
def visit(product: products.Product, sign_in: Callable[..., Person], screen: Screen) -> Callable[..., Page]:
    """Return a function that opens a page of the product as a demo person, at the screen's size."""

    def open_page(path: str, login: str = "admin") -> Page:
        return sign_in(product, login, **screen.options).open(path)

    return open_page
