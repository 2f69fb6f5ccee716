"""Reports agree with each other and with the ledger, VAT is what it is by hand, and pictures draw the same sums."""

from datetime import date

from sqlalchemy import func, select

from billing import accounts, charges, document_acts, ledger, subscriptions, testing
from billing.models import (
    Document,
    EntryKind,
    LedgerEntry,
    Method,
    Payer,
    Plan,
    Seller,
    VatPercent,
    VatRate,
)
from registry import report_pictures, reports
from registry.report_kinds import Ask
from registry.testing import customer
from tests.reporting import day, post, table, total


def test_the_picture_of_day_totals_draws_each_day_and_method_and_empty_days(session, sign_in_as):
    account_id = customer(session, "1001").account_id
    for number, minor, method in ((2, 3000, Method.CASH), (2, 1000, Method.BANK), (4, 2000, Method.BANK)):
        post(session, account_id, EntryKind.PAYMENT, minor, day(11, number), method=method)
    (picture,) = report_pictures.of(session, reports.TAKINGS, Ask(day(11), day(11, 30)))
    assert [(bar.name.day, bar.sum.minor) for bar in picture.bars] == [(2, 4000), (3, 0), (4, 2000)]
    assert [(kind, total.minor) for kind, total in picture.kinds] == [("bank", 3000), ("cash", 3000)]
    assert [(part.kind, part.from_percent, part.percent) for part in picture.bars[0].parts] == [
        (0, 0, 25),
        (1, 25, 75),
    ]
    long = report_pictures.of(session, reports.TAKINGS, Ask(day(1), day(12, 31)))
    assert long[0].step == "day"  # of the days that had money, not of those asked for
    post(session, account_id, EntryKind.PAYMENT, 500, date(2024, 11, 3), method=Method.CASH)
    (long,) = report_pictures.of(session, reports.TAKINGS, Ask(date(2024, 1, 1), day(12, 31)))
    assert (long.step, len(long.bars), long.bars[-1].name) == ("month", 25, day(11))
    page = sign_in_as("billing").get("/reports/takings?from=2026-11-01&to=2026-11-30").text
    assert 'aria-label="Nov 2, 2026: €40.00; Nov 4, 2026: €20.00"' in page


def test_the_picture_of_revenue_draws_net_and_vat_by_plan_and_the_small_ones_together(session, sign_in_as):
    for number in range(1, 15):
        testing.subscriber(session, price_minor=number * 100, starts_on=day(9), today=day(9))
    (picture,) = report_pictures.of(session, reports.REVENUE, Ask(day(9), day(9, 30)))
    assert [bar.sum.minor for bar in picture.bars] == [*range(1400, 200, -100), 200 + 100]
    assert picture.bars[-1].name is None
    assert sum(total.minor for _, total in picture.kinds) == 100 * 15 * 14 // 2
    assert "all others" in sign_in_as("billing").get("/reports/revenue?from=2026-09-01&to=2026-09-30").text


def offered(session, name, minor, hundredths=None, **more):
    rate_id = None
    if hundredths is not None:
        rate = VatRate(name=name)
        session.add(rate)
        session.flush()
        rate_id = rate.id
        session.add(VatPercent(vat_rate_id=rate_id, valid_from=day(1), percent_hundredths=hundredths))
    made = Plan(name=name, price_minor=minor, currency="EUR", vat_rate_id=rate_id, **more)
    session.add(made)
    session.flush()
    return made.id


def test_vat_by_hand_and_every_report_agrees_with_the_ledger_and_the_others(session):
    session.add(Seller(name="Fibre Ltd", written_by="test"))
    net = offered(session, "Net", 10000, 2300, is_net=True)
    plans = (net, offered(session, "Gross", 1080, 800), offered(session, "Bare", 500), net)
    for plan_id in plans:
        account = accounts.open_account(session, currency="EUR")
        payer = Payer(name="Olha Koval")
        session.add(payer)
        session.flush()
        account.payer_id = payer.id
        choice = subscriptions.Choice(plan_id)
        subscriptions.start(session, account.id, testing.act(day(10)), choice=choice, starts_on=day(10))
    charges.run(session, testing.act(day(11)))
    first, *_, last = session.scalars(select(Document).order_by(Document.id)).all()
    document_acts.credit(
        session,
        first.id,
        {1: 6150},
        on=day(11, 5),
        author=testing.AUTHOR,
        reason="outage",
        idempotency_key=None,
    )
    paid = post(session, last.account_id, EntryKind.PAYMENT, 5000, day(11, 7), method=Method.BANK)
    post(session, last.account_id, EntryKind.PAYMENT, 300, day(11, 8), method=Method.CASH)
    ledger.reverse(session, paid.id, author=testing.AUTHOR, reason="bounced", dated_on=day(11, 9))
    span = Ask(day(10), day(11, 30))
    told = {
        row["vat_hundredths"]: (row["invoices"], row["credit_notes"], row["net"], row["vat"], row["gross"])
        for row in table(session, reports.VAT, span)
    }
    # Four invoices of 100.00 and 23.00, half of one given back; two of 10.00 and 0.80; two of 5.00 without.
    assert told == {
        None: (2, 0, 1000, 0, 1000),
        800: (2, 0, 2000, 160, 2160),
        2300: (4, 1, 40000 - 5000, 9200 - 1150, 49200 - 6150),
    }
    assert {row["plan"]: row["gross"] for row in table(session, reports.REVENUE, span)} == {
        "Net": 49200 - 6150,
        "Gross": 2160,
        "Bare": 1000,
    }
    sums = {report.name: total(session, report, span)["EUR"] for report in reports.ALL}
    booked = dict(
        session.execute(
            select(LedgerEntry.kind, func.sum(LedgerEntry.amount_minor)).group_by(LedgerEntry.kind)
        ).all()
    )
    whole = sum(booked.values())
    for name in ("net", "vat", "gross"):
        assert sums["vat"][name] == sums["revenue"][name], name
    assert sums["vat"]["gross"] == -(whole - 300)
    assert sums["balance"]["closing"] == sums["liabilities"]["balance"] == whole
    assert {kind: sums["balance"][kind.value] for kind in EntryKind} == {
        kind: booked.get(kind, 0) for kind in EntryKind
    }
    assert sums["liabilities"]["owed"] - sums["liabilities"]["advance"] == -whole
    assert sums["aged"]["owed"] == sums["liabilities"]["owed"]
    assert sums["takings"]["total"] == 300
