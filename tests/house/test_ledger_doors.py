"""Who writes entries asks first whether their day is closed: the places that write are few and known."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("billing", "core", "desk", "registry", "tasks", "webapp", "linecard")
WRITES = re.compile(r"INSERT INTO ledger_entries|insert\(LedgerEntry\)|session\.add\(LedgerEntry")

# Each holds the books (billing.books) before it writes; the demo sows a database in which nothing is closed.
KNOWN = {
    "billing/charge_sql.py": 1,
    "billing/ledger.py": 1,
    "billing/moving.py": 2,
    "linecard/demo/money.py": 1,
}


def test_entries_are_written_only_where_the_books_are_asked_first() -> None:
    found = {}
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            if count := len(WRITES.findall(file.read_text(encoding="utf-8"))):
                found[str(file.relative_to(ROOT))] = count
    assert found == KNOWN
