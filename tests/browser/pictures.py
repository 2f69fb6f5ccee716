"""Take the pictures of docs/img from the demo ISP: `python -m tests.browser.pictures` (needs Chromium)."""

import importlib
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import func, select

from linecard.lab import shell
from registry.models import Customer, Device, DeviceRole, DeviceType, IpAddress, Line, Note, Pop
from tests import product as products
from tests.browser import pictures_drift, pictures_garden, pictures_money, pictures_pops
from tests.browser.conftest import ARGUMENTS, CHROMIUM, DESKTOP, PHONE

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "img"
LIMIT_BYTES = 300_000
HANDHELD: Any = {"width": 360, "height": 740}


def _interesting(product: products.Product) -> int:
    """Return a customer who has a bit of everything."""
    with product.database.reading() as session:
        found = session.scalar(
            select(Customer.id)
            .join(Note, Note.customer_id == Customer.id)
            .join(IpAddress, IpAddress.customer_id == Customer.id)
            .join(Line, Line.customer_id == Customer.id)
            .where(Note.is_urgent)
            .group_by(Customer.id)
            .order_by(func.count().desc(), Customer.id)
            .limit(1)
        )
    assert found is not None
    return int(found)


def _ping(page: Page) -> None:
    page.get_by_role("button", name="Ping").first.click()
    page.locator("ol.replies li").nth(3).wait_for(timeout=15_000)


# What each picture of a diagnosis shows, by the laboratory's customer.
DIAGNOSES = {"fine": "LAB-1", "duplicate": "LAB-6", "loss": "LAB-4", "locked": "LAB-12"}


def _diagnose(page: Page) -> None:
    page.get_by_role("button", name="Diagnose").click()
    page.locator("[data-part=verdict]").first.wait_for(timeout=15_000)
    page.locator("[data-diagnosis-run]").first.evaluate("element => element.scrollIntoView({block: 'start'})")
    page.mouse.wheel(0, -70)
    page.wait_for_timeout(300)


def _head_end(product: products.Product) -> int:
    """Return an OLT of the demo, which has ports, light and ONUs to tell of."""
    with product.database.reading() as session:
        found = session.scalar(
            select(func.min(Device.id))
            .join(DeviceType, DeviceType.id == Device.type_id)
            .where(DeviceType.role == DeviceRole.OLT, Device.address.is_not(None))
        )
    assert found is not None
    return int(found)


def _read(page: Page) -> None:
    page.get_by_role("button", name="Read it now").click()
    page.locator("table tbody tr").nth(3).wait_for(timeout=30_000)
    page.wait_for_timeout(300)


def _drawn(page: Page) -> None:
    page.locator(".u-over").first.wait_for(timeout=15_000)
    page.wait_for_timeout(300)


def _opened(page: Page) -> None:
    """Open what the first row of a plan rests on."""
    page.locator("details.opens > summary").first.click()
    page.locator(".rests-on").first.wait_for(timeout=15_000)
    page.wait_for_timeout(300)


def _queue(product: products.Product) -> None:
    """Put three debtors into the disconnect queue."""
    client = product.client("admin")
    found = re.findall(r'name="row" value="([0-9]+)"', client.get("/debtors").text)[:3]
    note = "off for a month, take the drop down"
    client.post("/disconnects/add", {"row": found, "why": "debt", "note": note})


def _nothing(_: Page) -> None:
    """The page as it opens."""


def _sign_in(page: Page, product: products.Product, login: str) -> None:
    page.goto(f"{product.base_url}/sign-in")
    page.locator("input[name=login]").fill(login)
    page.locator("input[name=password]").fill(products.PASSWORDS[login])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def take_phone(browser: Browser, product: products.Product) -> None:
    """Take the technician's pages as his phone shows them, one of them in the dark."""
    with product.database.reading() as session:
        latitude, longitude = session.execute(
            select(Pop.latitude, Pop.longitude).order_by(Pop.id).limit(1)
        ).one()
        mac = session.scalar(select(Device.mac).where(Device.mac.is_not(None)).order_by(Device.id).limit(1))
    context = browser.new_context(viewport=HANDHELD, is_mobile=True, has_touch=True)
    page = context.new_page()
    _sign_in(page, product, "tech")
    page.goto(f"{product.base_url}/field")
    line = page.get_by_role("link", name="Line", exact=True).first.get_attribute("href") or ""
    for name, path, act in (
        ("day", "/field", _nothing),
        ("line", line, _read_and_ping),
        ("find", f"/field/scan?q={mac}", _nothing),
        ("near", f"/field/near?lat={latitude}&lon={longitude}", _dark),
    ):
        page.goto(product.base_url + path)
        page.wait_for_load_state("networkidle")
        act(page)
        _save(page, FOLDER / f"phone-{name}-360.png")
    context.close()


def take_money(browser: Browser, product: products.Product) -> None:
    """Take the pages of money as the billing desk sees them."""
    page = browser.new_page()
    _sign_in(page, product, "billing")
    review = pictures_money.statement(page, product)
    _save_paper(page, product)
    page.close()
    money = f"/customers/{pictures_money.tab(product)}/money"
    for name, path, act in (
        ("billing", money, _asked),
        ("payment", f"{money}/payment", _nothing),
        ("bank-review", review, _nothing),
        ("aged", "/reports/aged", _nothing),
    ):
        _take(browser, product, name, path, act, on_phone="billing")


def _asked(page: Page) -> None:
    """Ask what a part of the debt would do."""
    page.locator("#what-if-pay").fill("20")
    page.locator("#what-if-pay").press("Enter")
    page.get_by_text("Balance then").wait_for(timeout=15_000)
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.wait_for_timeout(300)


def _save_paper(page: Page, product: products.Product) -> None:
    """Take the paper of an invoice; left as it is where nothing here can draw a PDF."""
    if importlib.util.find_spec("pypdfium2") is None:
        print("invoice.png is left as it is: there is no pypdfium2")
        return
    pdf = page.request.get(f"{product.base_url}/documents/{pictures_money.invoice(product)}/pdf").body()
    drawn = importlib.import_module("pypdfium2").PdfDocument(pdf)[0].render(scale=1.25).to_pil()
    file = FOLDER / "invoice.png"
    drawn.save(file, optimize=True)
    assert file.stat().st_size < LIMIT_BYTES, file


def _read_and_ping(page: Page) -> None:
    page.get_by_role("button", name="Ping").first.click()
    page.locator("ol.replies li").nth(2).wait_for(timeout=15_000)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Read port").click()
    page.locator("article.run .light").first.wait_for(timeout=15_000)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(300)


def _dark(page: Page) -> None:
    page.emulate_media(color_scheme="dark")


def _save(page: Page, file: Path) -> None:
    page.screenshot(path=file)
    assert file.stat().st_size < LIMIT_BYTES, file
    print(f"{file.relative_to(FOLDER.parents[1])}  {file.stat().st_size // 1000} kB")


def _take(
    browser: Browser,
    product: products.Product,
    name: str,
    path: str,
    act: Callable[[Page], None],
    *,
    on_phone: str = "noc",
) -> None:
    for viewport in (DESKTOP, PHONE):
        context = browser.new_context(viewport=viewport, device_scale_factor=1)
        page = context.new_page()
        # Whose run goes on yet cannot start it again.
        _sign_in(page, product, "admin" if viewport is DESKTOP else on_phone)
        answer = page.goto(product.base_url + path)
        assert answer is not None
        assert answer.ok, f"{on_phone} may not see {path}"
        page.wait_for_load_state("networkidle")
        act(page)
        file = FOLDER / f"{name}-{viewport['width']}.png"
        page.screenshot(path=file, full_page=viewport is PHONE and name == "card")
        if file.stat().st_size >= LIMIT_BYTES:
            page.screenshot(path=file)
        assert file.stat().st_size < LIMIT_BYTES, file
        print(f"{file.relative_to(FOLDER.parents[1])}  {file.stat().st_size // 1000} kB")
        context.close()


def main() -> None:
    """Start the demo, take every picture, end it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = next(found for found in CHROMIUM if Path(found).exists())
    served = {"LINECARD_POPS__ADDRESS": "core.example.net:6380", **pictures_garden.settings()}
    with products.running(settings=served) as product, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        admin = product.client("admin")
        admin.get("/cutoff")
        plan = admin.post("/cutoff/plan").headers["Location"]
        card = f"/customers/{_interesting(product)}"
        _take(browser, product, "card", card, _ping)
        _take(browser, product, "list", "/customers?sort=name", _nothing)
        _take(browser, product, "map", "/map", _nothing)
        _take(browser, product, "cutoff", f"{plan}?action=cut", _opened)
        _queue(product)
        _take(browser, product, "disconnects", "/disconnects", _nothing)
        paper = f"/documents/{pictures_money.invoice(product)}"
        _take(browser, product, "document", paper, _nothing, on_phone="billing")
        take_money(browser, product)
        _take(browser, product, "company", "/setup/company", _nothing, on_phone="admin")
        _take(browser, product, "graphs", f"{card}/watch", _drawn)
        _take(browser, product, "status", f"/devices/{_head_end(product)}/status", _read)
        _take(browser, product, "notices", "/notices", _nothing)
        for file in pictures_garden.take(browser, product, FOLDER, (DESKTOP, PHONE)):
            assert file.stat().st_size < LIMIT_BYTES, file
        with pictures_pops.boxed(product) as worker:
            _take(browser, product, "pop", worker, _nothing)
        take_phone(browser, product)
        if not shell.missing():
            product.lab_up()
            for name, number in DIAGNOSES.items():
                _take(
                    browser,
                    product,
                    f"diagnosis-{name}",
                    f"/customers/{product.customer_id(number)}",
                    _diagnose,
                )
            # Two routers on one address: what the diagnosis before saw of them.
            macs = f"/customers/{product.customer_id(DIAGNOSES['duplicate'])}/macs"
            _take(browser, product, "macs", macs, _nothing)
            pictures_drift.stage(product)
            _take(browser, product, "drift", "/drift?sort=kind", _nothing)
        browser.close()


if __name__ == "__main__":
    main()
