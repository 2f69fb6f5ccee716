"""What the form pages of the cashier share: who it is about, and one frame around every form."""

from datetime import date
from typing import Any

from flask import Response, request, url_for

from billing import books
from core.money import Money
from registry import tills
from webapp import rendering, runtime
from webapp.cashier import day


def till(customer_id: int) -> tills.Till:
    """Return how the customer stands today; raises NotFound."""
    with runtime.current().database.reading() as session:
        return tills.till(session, customer_id, today=day.today(), grace_days=day.grace_days(session))


def closed_through() -> date | None:
    """Return the last day the books are closed for, to say so beside a day that is asked for."""
    with runtime.current().database.reading() as session:
        return books.closed_through(session)


def form_page(name: str, title: str, till: tills.Till, form: Any, **context: Any) -> Response:
    """Answer with the form templates/cashier/_<name>.html, alone for htmx, else inside its page."""
    fragment = f"cashier/_{name}.html"
    frame = {"fragment": fragment, "title": title, "till": till, "form": form, "as_money": Money}
    return rendering.page_or_fragment("cashier/form.html", fragment, form.status, **frame, **context)


def back(customer_id: int, usual: str = "cashier.statement") -> Response:
    """Lead back to the list or the card the button was pressed on, else to that page of the customer."""
    path, _, query = request.form.get("back", "").partition("?")
    if path in (url_for("customers.listing"), url_for("customers.card", customer_id=customer_id)):
        return rendering.go_to(f"{path}?{query}" if query else path)
    return rendering.go(usual, customer_id=customer_id)
