"""Where a customer's pages lead: None where there is no such page here, or the person may not open it."""

from typing import Any

from flask import current_app, url_for

from webapp import identity, permissions


def page(endpoint: str, **values: Any) -> str | None:
    """Return the URL of a page of any area."""
    view = current_app.view_functions.get(endpoint)
    is_open = view is not None and identity.may(str(permissions.of(view)))
    return url_for(endpoint, **values) if is_open else None


class Links:
    """The links of one customer's card."""

    def __init__(self, customer_id: int) -> None:
        self.customer_id = customer_id

    def page(self, endpoint: str, **values: Any) -> str | None:
        """Return the URL of another area's page about this customer."""
        return page(endpoint, customer_id=self.customer_id, **values)

    def other(self, endpoint: str, **values: Any) -> str | None:
        """Return the URL of a page that is not about this customer alone."""
        return page(endpoint, **values)

    def panel(self, name: str, **values: Any) -> str:
        """Return the URL of a panel: the fragment for htmx, else a page with all its rows."""
        return url_for("customers.panel", customer_id=self.customer_id, name=name, **values)

    def edit(self, name: str, item_id: int | None = None, **values: Any) -> str | None:
        """Return the URL of the form that changes a panel, or one row of it; without an id: that adds one."""
        return self.page(f"customers.edit_{name}", item_id=item_id, **values)

    def remove(self, name: str, item_id: int) -> str | None:
        """Return the URL to post to, to remove one row of a panel."""
        return self.page(f"customers.remove_{name}", item_id=item_id)
