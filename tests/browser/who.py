"""Demo customers for the browser tests: each test and screen takes its own, so that none disturbs another."""

from core import clock
from linecard.demo import habits, plan
from registry import listing
from registry.listing import CustomerFilter, CustomerRow
from tests import product as products
from tests.browser.conftest import Screen


def _usual() -> list[plan.Customer]:
    """Return the customers behind a switch port with whom nothing is wrong: they pay, answer and are where they are filed."""
    known = habits.assign(plan.build())
    return [
        customer
        for customer in plan.build().connected
        if customer.access == "ethernet"
        and customer.is_alive
        and not customer.trouble
        and customer.filed_mac == customer.mac
        and customer.filed_if_index == customer.if_index
        and known[customer.number].is_usual
        and not customer.party.company_name
    ]


def usual(place: int, screen: Screen) -> plan.Customer:
    """Return the `place`-th usual customer of this screen."""
    return _usual()[2 * place + screen.place]


def debtor(product: products.Product, habit: str, screen: Screen, place: int = 0) -> CustomerRow:
    """Return the `place`-th debtor of this screen with a habit of linecard.demo.habits."""
    known = habits.assign(plan.build())
    number = [each for each in sorted(known) if known[each].name == habit][2 * place + screen.place]
    today = clock.today(product.settings.isp.time_zone)
    with product.database.reading() as session:
        found = listing.page(session, CustomerFilter(q=number, is_debtor=True), today=today)
    (row,) = found.rows
    return row
