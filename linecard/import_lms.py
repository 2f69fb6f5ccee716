"""`linecard import-lms`: an LMS database moves in; both sides' totals are shown, and must agree."""

import argparse
from typing import Any

from billing import acts, ledger
from core import clock, db, money, sentences
from core.settings import Settings
from linecard import embedded
from registry.models import ImportBatch
from registry.moving import batches, lms_import, progress


def run(settings: Settings, args: argparse.Namespace) -> int:
    """Move in, or rehearse it, and print what each side says; returns 0. Raises what the import raises."""
    opening = args.opening or clock.today(settings.isp.time_zone)
    wish = lms_import.Wish(args.url, opening, args.system, args.history, args.test)
    with embedded.attached(settings) as urls:
        database = db.Database(db.engine_of(urls.database))
        try:
            act = acts.Act(opening, acts.terms_of(settings), ledger.Author("import-lms"))
            batch = lms_import.run(database, wish, act, batches.setting_of(settings), show=_show)
        finally:
            database.dispose()
    for line in lines_of(batch):
        print(line)
    print("Nothing is kept: this was a test." if wish.is_test else f"Import {batch.id} is booked.")
    return 0


def _show(phase: str, done: int, total: int) -> None:
    print(f"{progress.PHASES[phase]}: {done} of {total}", flush=True)


def lines_of(batch: ImportBatch) -> list[str]:
    """Write both sides beside each other, then what was noticed."""
    lines = [f"{batch.name}, as of {batch.opening_on}", "", f"{'':<40} {'there':>16} {'here':>16}"]
    before, after = batch.before, batch.after
    for status in sorted({**before.get("customers", {}), **after.get("customers", {})}):
        lines.append(_pair(f"customers, {status}", before, after, "customers", status))
    for name, words in (("customers", "customers with a balance"), ("minor", "balances"), ("debt", "debts")):
        unit = "" if name == "customers" else batch.currency
        lines.append(_pair(words, before, after, "money", name, currency=unit))
    for plan in sorted({**before.get("plans", {}), **after.get("plans", {})}):
        called = str(before.get("names", {}).get(plan, plan))
        lines.append(_pair(f"{called}, services", before, after, "plans", plan, "services"))
        lines.append(
            _pair(f"{called}, a period", before, after, "plans", plan, "minor", currency=batch.currency)
        )
        lines.append(
            _pair(f"{called}, of it VAT", before, after, "plans", plan, "vat", currency=batch.currency)
        )
    made = after.get("made", {})
    lines += ["", *(f"{number:>8}  {words}" for words, number in made.items() if number)]
    return [*lines, *(f"  note: {sentences.tell(note)}" for note in batch.notes)]


def _pair(words: str, before: dict[str, Any], after: dict[str, Any], *path: str, currency: str = "") -> str:
    there, here = (_said(_at(side, path), currency) for side in (before, after))
    return f"{words[:40]:<40} {there:>16} {here:>16}"


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def _said(value: int | None, currency: str) -> str:
    if value is None:
        return "-"
    return money.format_money(money.Money(value, currency)) if currency else str(value)
