"""What the pictures of money show: a bank statement to review, a customer's tab, an invoice, who owes since when."""

import io
from datetime import timedelta

from playwright.sync_api import Page
from sqlalchemy import func, select

from billing import owing
from billing.models import Account, Document, DocumentKind, Plan, Promise, Subscription
from core import clock
from registry.models import Customer
from tests import product as products

_MAPPING = {
    "name": "Example Bank, CSV",
    "delimiter": ";",
    "encoding": "utf-8",
    "date_format": "%d.%m.%Y",
    "decimal_mark": ",",
    "skipped_rows": "1",
    "date": "1",
    "amount": "2",
    "payer_name": "3",
    "payer_account": "4",
    "message": "5",
}


def tab(product: products.Product) -> int:
    """Return a customer with two services, a debt, locks and a promise that was not kept."""
    with product.database.reading() as session:
        found = session.scalar(
            select(Customer.id)
            .join(Account, Account.id == Customer.account_id)
            .join(Promise, Promise.account_id == Account.id)
            .join(Subscription, Subscription.account_id == Account.id)
            .where(Account.balance_minor < 0)
            .group_by(Customer.id)
            .order_by(func.count().desc(), Customer.id)
            .limit(1)
        )
    assert found is not None
    return int(found)


def invoice(product: products.Product) -> int:
    """Return the newest invoice that is not paid and has a net price with VAT on top."""
    with product.database.reading() as session:
        net = select(Subscription.account_id).join(Plan).where(Plan.is_net)
        opened = owing.open_by_document()
        found = session.scalar(
            select(func.max(opened.c.document_id))
            .join(Document, Document.id == opened.c.document_id)
            .where(Document.account_id.in_(net))
        )
        if found is None:
            found = session.scalar(select(func.max(Document.id)).where(Document.account_id.in_(net)))
    assert found is not None
    return int(found)


def statement(page: Page, product: products.Product) -> str:
    """Read a bank statement in as a clerk does and wait until its lines are matched; return its path."""
    page.goto(f"{product.base_url}/bank/mappings/new")
    for name, value in _MAPPING.items():
        field = page.locator(f"[name={name}]")
        if field.evaluate("element => element.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    page.locator("main form button[type=submit]").click()
    page.wait_for_url("**/bank/mappings")
    page.goto(f"{product.base_url}/bank/new")
    content = {"name": "november.csv", "mimeType": "text/csv", "buffer": _lines(product)}
    page.locator("input[type=file]").set_input_files(files=[content])  # type: ignore[list-item]
    page.locator("[name=mapping]").select_option(label=_MAPPING["name"])
    page.locator("main form button[type=submit]").click()
    page.get_by_role("button", name="Book").first.wait_for(timeout=30_000)
    return page.url.removeprefix(product.base_url)


def _lines(product: products.Product) -> bytes:
    """Write a statement with a line for each way a payment is known, and some that nobody knows."""
    with product.database.reading() as session:
        today = clock.today(product.settings.isp.time_zone)
        owing = session.execute(
            select(
                Customer.number, Customer.last_name, Customer.first_name, Account.balance_minor, Account.id
            )
            .join(Account, Account.id == Customer.account_id)
            .where(Account.balance_minor < 0, Customer.last_name != "")
            .order_by(Customer.id)
            .limit(9)
        ).all()
        papers = dict(
            session.execute(
                select(Document.account_id, func.max(Document.full_number))
                .where(Document.kind == DocumentKind.INVOICE)
                .group_by(Document.account_id)
            ).all()
        )
    made = io.StringIO()
    made.write("day;amount;payer;account;text\n")
    for place, (number, last, first, balance, account_id) in enumerate(owing):
        texts = (f"Internet {number}", f"Invoice {papers.get(account_id, '')}", "For internet, thank you")
        day = today - timedelta(days=place % 3)
        amount = f"{-balance / 100:.2f}".replace(".", ",")
        iban = f"UA{account_id:02d}322313000002600{place:06d}"
        made.write(f"{day:%d.%m.%Y};{amount};{last} {first};{iban};{texts[place % 3]}\n")
    for who, text in (
        ("Harbour Cafe", "rent of the roof, October"),
        ("NN", "internet"),
        ("NN", "10009 or 10017"),
    ):
        made.write(f"{today:%d.%m.%Y};15,00;{who};UA99322313000002600999999;{text}\n")
    made.write(f"{today:%d.%m.%Y};-120,00;Power Co;UA11322313000002600111111;Electricity\n")
    return made.getvalue().encode()
