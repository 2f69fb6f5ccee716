"""The reports of the office: what each shows and asks for; figures of billing.reports, names of customers."""

from sqlalchemy import Subquery, and_, case, func, select

from billing import reports
from billing.models import Account, Method, Payer
from core.words import N_
from registry.models import Customer
from registry.report_kinds import Choice, Column, Days, Kind, Report, Start

_NUMBER = Column("number", N_("Number"), sort_by="number_order")
_CUSTOMER = Column("customer", N_("Customer"), sort_by="sort_name")
_CURRENCY = Column("currency", N_("Currency"))
_WHO = (_NUMBER, _CUSTOMER)

KIND_HEADS = {
    "charge": N_("Charges"),
    "payment": N_("Payments"),
    "writeoff": N_("Written off"),
    "refund": N_("Refunds"),
    "adjustment": N_("Adjustments"),
    "transfer": N_("Transfers"),
    "reversal": N_("Reversals"),
}
METHOD_WORDS = {
    Method.CASH.value: N_("cash"),
    Method.BANK.value: N_("bank"),
    Method.CARD.value: N_("card"),
    Method.ONLINE.value: N_("online"),
    Method.NONE.value: N_("none"),
}


def _money(name: str, head: str) -> Column:
    return Column(f"{name}_minor", head, Kind.MONEY, has_total=True)


def _with_customer(figures: Subquery) -> Subquery:
    """Add who the account is of; one of nobody (an undone import's) keeps its figures and is called by its
    last payer, so that totals are the ledger's.
    """
    name = case(
        (Customer.company_name != "", Customer.company_name),
        else_=func.concat_ws(" ", func.nullif(Customer.last_name, ""), func.nullif(Customer.first_name, "")),
    )
    return (
        select(
            figures,
            Customer.id.label("customer_id"),
            func.coalesce(Customer.number, Payer.number, "").label("number"),
            # Numbers of digits in the order of their value, as the customers list has them.
            func.lpad(func.coalesce(Customer.number, ""), 32).label("number_order"),
            case((Customer.id.is_(None), func.coalesce(Payer.name, "")), else_=name).label("customer"),
            Customer.sort_name.label("sort_name"),
        )
        .select_from(figures)
        .outerjoin(Customer, Customer.account_id == figures.c.account_id)
        .outerjoin(Account, and_(Account.id == figures.c.account_id, Customer.id.is_(None)))
        .outerjoin(Payer, Payer.id == Account.payer_id)
        .subquery("report")
    )


LIABILITIES = Report(
    name="liabilities",
    title=N_("Liabilities at a date"),
    about=N_("Who owed us, and whom we owed, at the end of a day."),
    columns=(
        *_WHO,
        _CURRENCY,
        _money("owed", N_("Owed to us")),
        _money("past_due", N_("Of it past due")),
        _money("advance", N_("Paid in advance")),
        _money("balance", N_("Balance")),
    ),
    rows=lambda ask: _with_customer(reports.balances(ask.last)),
    days=Days.ONE,
    start=Start.TODAY,
    choices=(
        Choice(
            "show",
            N_("Who"),
            {"owing": N_("those who owe"), "advance": N_("those who paid in advance")},
            lambda figures, value: (
                figures.c.balance_minor < 0 if value == "owing" else figures.c.balance_minor > 0
            ),
        ),
    ),
    searched=("number", "customer"),
    sort="customer",
)

MOVEMENTS = Report(
    name="balance",
    title=N_("Balance for a period"),
    about=N_("What every balance was before, what moved it, and what it was afterwards."),
    columns=(
        *_WHO,
        _CURRENCY,
        _money("opening", N_("Opening")),
        *(_money(kind, KIND_HEADS.get(kind, kind.replace("_", " "))) for kind in reports.KINDS),
        _money("closing", N_("Closing")),
    ),
    rows=lambda ask: _with_customer(reports.movements(ask.first, ask.last)),
    choices=(
        Choice(
            "show",
            N_("Who"),
            {"moved": N_("those with entries in the period")},
            lambda figures, _: (
                func.greatest(*(func.abs(figures.c[f"{kind}_minor"]) for kind in reports.KINDS)) > 0
            ),
        ),
    ),
    searched=("number", "customer"),
    sort="customer",
)

TAKINGS = Report(
    name="takings",
    title=N_("Day totals"),
    about=N_("Money that came and went by day, cashier and method; what undoes it counts on its own day."),
    columns=(
        Column("dated_on", N_("Date"), Kind.DAY),
        Column("author", N_("Cashier")),
        Column("method", N_("Method"), Kind.WORD, words=METHOD_WORDS),
        _CURRENCY,
        Column("entries", N_("Entries"), Kind.COUNT, has_total=True),
        _money("in", N_("Came in")),
        _money("out", N_("Went out")),
        _money("total", N_("Total")),
    ),
    rows=lambda ask: reports.takings(ask.first, ask.last),
    start=Start.TODAY,
    choices=(
        Choice(
            "method",
            N_("Method"),
            METHOD_WORDS,
            lambda figures, value: figures.c.method == value,
        ),
    ),
    searched=("author",),
    sort="dated_on",
    picture="days",
)

AGED = Report(
    name="aged",
    title=N_("Aged debt"),
    about=N_("How many days past due the debt is; payments have paid the oldest first."),
    columns=(
        *_WHO,
        _CURRENCY,
        _money("owed", N_("Owed")),
        _money("current", N_("Not due yet")),
        _money("to_30", N_("1-30 days")),
        _money("to_60", N_("31-60 days")),
        _money("to_90", N_("61-90 days")),
        _money("older", N_("Over 90 days")),
        Column("oldest_due_on", N_("Oldest due"), Kind.DAY),
    ),
    rows=lambda ask: _with_customer(reports.aged(ask.last)),
    days=Days.ONE,
    start=Start.TODAY,
    searched=("number", "customer"),
    sort="-owed_minor",
    picture="aged",
)

REVENUE = Report(
    name="revenue",
    title=N_("Revenue by plan"),
    about=N_("What was charged for periods that begin in these days, corrections and reversals taken in."),
    columns=(
        Column("plan", N_("Plan")),
        _CURRENCY,
        Column("entries", N_("Entries"), Kind.COUNT, has_total=True),
        _money("net", N_("Net")),
        _money("vat", N_("VAT")),
        _money("gross", N_("Gross")),
    ),
    rows=lambda ask: reports.revenue(ask.first, ask.last),
    start=Start.LAST_MONTH,
    searched=("plan",),
    sort="-gross_minor",
    picture="names",
)

VAT = Report(
    name="vat",
    title=N_("VAT"),
    about=N_("By rate, from the documents issued in these days; credit notes subtract."),
    columns=(
        Column("vat_hundredths", N_("Rate"), Kind.PERCENT),
        _CURRENCY,
        Column("invoices", N_("Invoices"), Kind.COUNT),
        _money("invoiced_net", N_("Invoiced net")),
        _money("invoiced_vat", N_("Invoiced VAT")),
        Column("credit_notes", N_("Credit notes"), Kind.COUNT),
        _money("credited_net", N_("Credited net")),
        _money("credited_vat", N_("Credited VAT")),
        _money("net", N_("Net")),
        _money("vat", N_("VAT")),
        _money("gross", N_("Gross")),
    ),
    rows=lambda ask: reports.vat(ask.first, ask.last),
    start=Start.LAST_MONTH,
    sort="vat_hundredths",
)

ALL: tuple[Report, ...] = (LIABILITIES, MOVEMENTS, TAKINGS, AGED, REVENUE, VAT)
_BY_NAME = {report.name: report for report in ALL}


def named(name: str) -> Report | None:
    """Return the report of that name."""
    return _BY_NAME.get(name)
