"""The list of customers: search, filters, an order by any column and keyset pages, all in the URL."""

from dataclasses import dataclass

from flask import Response, request, url_for
from sqlalchemy.orm import Session

from core import clock
from core.money import Money
from registry import customers, device_types, labels, list_orders, networks
from registry import listing as lists
from registry.listing import CustomerFilter, CustomerPage, CustomerRow
from webapp import customer_filter, identity, permissions, rendering, runtime
from webapp.customers import links

PAGE = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list; the money is None for who may not see it, `owed` for who may not take it."""

    customer: CustomerRow
    balance: Money | None
    past_due: Money | None
    owed: Money | None


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filters offer: (value of the URL, words)."""

    groups: tuple[tuple[str, str], ...]
    cities: tuple[tuple[str, str], ...]
    networks: tuple[tuple[str, str], ...]
    types: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of the list; `total` is None above what is counted."""

    rows: tuple[Row, ...]
    sort: str
    previous: str | None
    next: str | None
    total: int | None
    total_limit: int
    is_filtered: bool
    has_money: bool
    paper_url: str | None
    notice_url: str | None
    warn_url: str | None


@permissions.required("customer.view")
def listing() -> Response:
    """Show the list, or for htmx its table."""
    has_money = identity.may("money.view")
    filters, sort = asked()
    found = runtime.current()
    with found.database.reading() as session:
        page = customers.page(
            session,
            filters,
            sort=sort,
            after=request.args.get("after") or request.args.get("before"),
            limit=PAGE,
            today=clock.today(found.settings.isp.time_zone),
        )
        offered = None if rendering.is_htmx() else choices(session)
    answer = rendering.page_or_fragment(
        "customers/list.html",
        "customers/_list.html",
        listing=_listing(page, filters, sort, has_money),
        filters=filters,
        choices=offered,
        new_url=links.page("customers.new"),
        given=customer_filter.given(),
    )
    if rendering.is_htmx():
        # The form sends every filter; the address keeps those that filter: it is sent to colleagues.
        given = {name: value for name, value in request.args.items() if value}
        answer.headers["HX-Push-Url"] = url_for("customers.listing", **given)
    return answer


def asked() -> tuple[CustomerFilter, str]:
    """Return the filter and the order the URL asks for, as far as the person may know them."""
    has_money = identity.may("money.view")
    return customer_filter.asked(has_money=has_money), _sort(has_money)


def _sort(has_money: bool) -> str:
    sort = request.args.get("sort", "")
    is_known = sort in customers.SORTS and (has_money or not sort.endswith("balance"))
    return sort if is_known else list_orders.DEFAULT_SORT


def choices(session: Session) -> Choices:
    """Return what the filters of the list offer."""
    return Choices(
        groups=tuple((str(one.id), one.name) for one in labels.groups(session)),
        cities=tuple((city, city) for city in customers.cities(session)),
        networks=tuple((str(one.id), f"{one.name} · {one.cidr}") for one in networks.list_all(session)),
        types=tuple((str(one.id), one.name) for one in device_types.list_all(session)),
    )


def _listing(page: CustomerPage, filters: CustomerFilter, sort: str, has_money: bool) -> Listing:
    return Listing(
        rows=tuple(_row(row, has_money) for row in page.rows),
        sort=sort,
        previous=page.previous,
        next=page.next,
        total=page.total if page.total <= lists.TOTAL_LIMIT else None,
        total_limit=lists.TOTAL_LIMIT,
        is_filtered=filters != CustomerFilter(),
        has_money=has_money,
        paper_url=links.page(
            "customers.paper", **{name: value for name, value in request.args.items() if value}
        ),
        notice_url=links.page("notices.give"),
        warn_url=links.page("notices.warn"),
    )


def _row(row: CustomerRow, has_money: bool) -> Row:
    may_take = links.page("cashier.payback", customer_id=row.id) is not None
    if not has_money:
        return Row(row, None, None, None)
    return Row(
        customer=row,
        balance=Money(row.balance_minor, row.currency),
        past_due=Money(row.past_due_minor, row.currency) if row.past_due_minor > 0 else None,
        owed=Money(-row.balance_minor, row.currency) if may_take and row.balance_minor < 0 else None,
    )
