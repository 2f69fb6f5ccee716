"""The pictures of the walled garden: a walled customer's page, as he sees it on a desk and on a phone."""

import urllib.parse
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser
from sqlalchemy import select

from billing.models import AccessState, Subscription, SuspensionLock
from registry.models import Customer
from tests import product as products


def settings() -> dict[str, str]:
    """Return what the product must be started with, so that it serves the garden."""
    return {"LINECARD_GARDEN__IS_ON": "true", "LINECARD_GARDEN__PORT": str(products.free_port())}


def walled(product: products.Product) -> int:
    """Return the demo's walled customer."""
    query = (
        select(Customer.id)
        .join(Subscription, Subscription.account_id == Customer.account_id)
        .join(SuspensionLock, SuspensionLock.subscription_id == Subscription.id)
        .where(SuspensionLock.effect == AccessState.WALLED)
        .order_by(Customer.id)
    )
    with product.database.reading() as session:
        found = session.scalar(query.limit(1))
    assert found is not None
    return int(found)


def take(browser: Browser, product: products.Product, folder: Path, views: tuple[Any, Any]) -> list[Path]:
    """Take the page in light on both screens and in the dark on the phone; return the files."""
    client = product.client("noc")
    preview = client.get(f"/customers/{walled(product)}/page").headers["Location"]
    address = urllib.parse.urlsplit(preview)
    made = []
    for view, scheme in ((views[0], "light"), (views[1], "light"), (views[1], "dark")):
        context = browser.new_context(viewport=view, color_scheme=scheme)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{address.port}{address.path}?{address.query}")
        page.wait_for_load_state("networkidle")
        mark = "-dark" if scheme == "dark" else ""
        made.append(folder / f"garden{mark}-{view['width']}.png")
        page.screenshot(path=made[-1], full_page=True)
        context.close()
    return made
