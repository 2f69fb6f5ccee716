"""Kill a charge run in its middle with SIGKILL, and tell what stands in the database afterwards."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import text

from core import db

ROOT = Path(__file__).resolve().parents[2]

# The child says after every batch how far it is; what it said last is not committed yet when it is read.
CHILD = """
import sys
from datetime import date
from billing import charges, testing
from core import db

charges.BATCH = int(sys.argv[2])

def say(session, report, done, total):
    print(done, flush=True)

database = db.Database(db.engine_of(sys.argv[1]))
charges.run_batches(database, testing.act(date.fromisoformat(sys.argv[3])), note=say)
"""

# Every row a run writes, without ids and times; references by what they point at.
ROWS = {
    "entries": """
        SELECT account_id, kind, amount_minor, currency, balance_after_minor, dated_on, due_on,
               subscription_id, terms_no, period_start, period_end, whole_minor, vat_hundredths,
               quantity, description, author
        FROM ledger_entries
    """,
    "documents": """
        SELECT kind, span, number, full_number, account_id, payer_id, issued_on, due_on, currency, net_minor,
               vat_minor, gross_minor, facts, author
        FROM documents
    """,
    "lines": """
        SELECT d.full_number, l.position, e.subscription_id, e.terms_no, e.period_start AS charged,
               l.description, l.period_start, l.period_end, l.quantity, l.vat_hundredths, l.net_minor,
               l.vat_minor, l.gross_minor
        FROM document_lines l JOIN documents d ON d.id = l.document_id
        JOIN ledger_entries e ON e.id = l.entry_id
    """,
    "accounts": "SELECT id, balance_minor FROM accounts",
    "counters": "SELECT span, last_number FROM series_counters",
}


def killed_run(url: str, *, batch: int, after: int, on: str, pause_s: float = 0.0) -> int:
    """Start a run in a child, kill it `pause_s` after so many batches; return the accounts it had told of."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, url, str(batch), on],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    ) as child:
        if child.stdout is None:
            raise RuntimeError("the child has no output")
        told = [child.stdout.readline() for _ in range(after)]
        time.sleep(pause_s)
        child.send_signal(signal.SIGKILL)
        if child.wait() != -signal.SIGKILL:
            raise RuntimeError("the run was over before it was killed")
    return int(told[-1])


def digests(database: db.Database) -> dict[str, tuple[int, str]]:
    """Return, by table, how many rows there are and a digest of them all in order."""
    found = {}
    with database.reading() as session:
        for name, statement in ROWS.items():
            query = f"""
                SELECT count(*), coalesce(md5(string_agg(md5(r::text), '' ORDER BY md5(r::text))), '')
                FROM ({statement}) r
            """
            count, digest = session.execute(text(query)).one()
            found[name] = (int(count), str(digest))
    return found
