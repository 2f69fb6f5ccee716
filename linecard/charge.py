"""`linecard charge`: charge what has begun, for everybody or one customer; with --test only show it."""

import sys
from collections.abc import Iterable
from datetime import date

from billing import acts, charge_runs, ledger
from billing.charge_runs import Charged
from billing.charges import ChargeReport
from core import clock, db, errors, money
from core.money import Money
from core.settings import Settings
from core.words import N_
from linecard import cutoff, embedded
from registry import customers

AUTHOR = ledger.Author("linecard charge")
MOST_LINES = 50


def run(settings: Settings, on: date | None, *, customer: str | None, is_test: bool) -> int:
    """Charge up to that business day (today's by default) or show what that would do; returns 0.

    A day that is over is caught up with, due from today; one to come is shown as its own night would do it.
    Raises Invalid for a day to come without test, NotFound for a number nobody has.
    """
    today = clock.today(settings.isp.time_zone)
    on = on or today
    if on > today and not is_test:
        raise errors.Invalid(N_("%(day)s has not begun: only --test looks ahead", day=on))
    act = acts.Act(max(on, today), acts.terms_of(settings), AUTHOR, on)
    with embedded.attached(settings) as urls:
        database = db.Database(db.engine_of(urls.database))
        try:
            account_id = _account_of(database, customer) if customer else None
            if is_test:
                report = _rehearse(database, act, account_id)
            else:
                report = charge_runs.run(database, act, show=show, account_id=account_id)
        finally:
            database.dispose()
    for line in _summary(report, act.until, is_test=is_test):
        print(line)
    return 0


def _account_of(database: db.Database, number: str) -> int:
    with database.reading() as session:
        found = customers.find_by_number(session, number)
    if found is None:
        raise errors.NotFound(N_("No customer has the number %(number)s", number=number))
    return found.account_id


def _rehearse(database: db.Database, act: acts.Act, account_id: int | None) -> ChargeReport:
    """Print the first charges a run would make, and return what all of them come to."""
    kept: list[Charged] = []

    def keep(found: Iterable[Charged]) -> None:
        kept.extend(list(found)[: max(0, MOST_LINES - len(kept))])

    report = charge_runs.rehearse(database, act, account_id=account_id, keep=keep, show=show)
    with database.reading() as session:
        who = cutoff.customers_of(session, {one.account_id for one in kept})
    for one in kept:
        name = who.get(one.account_id, f"account {one.account_id}")[:36]
        total = money.format_money(Money(one.minor, one.currency))
        print(f"{name:<36} {total:>14}  {one.start} to {one.end}, due {one.due_on}  {one.description}")
    if report.entries > len(kept):
        print(f"... and {report.entries - len(kept)} more.")
    return report


def show(done: int, total: int) -> None:
    """Tell on standard error how far it is: on one line of a terminal, else every batch on its own."""
    end = "\r" if sys.stderr.isatty() and done < total else "\n"
    print(f"{done} of {total} accounts", end=end, file=sys.stderr, flush=True)


def _summary(report: ChargeReport, on: date, *, is_test: bool) -> Iterable[str]:
    words = "would be made; nothing is changed" if is_test else "made"
    counts = f"{report.entries} charges on {report.accounts} accounts, {report.documents} documents"
    yield f"By {on}: {counts} {words}."
    for currency, minor in sorted(report.totals.items()):
        yield f"  {currency} {money.format_money(Money(minor, currency))}"
    whys = {"company": "the company is not written down", "payer": "their accounts name no payer"}
    for why, count in sorted(report.undocumented.items()):
        yield f"Without a document: {count} charges; {whys[why]}."
    for one in report.refused:
        yield f"Not charged: {one.periods} periods; VAT rate {one.rate} has no percent on {one.since}."
