"""kill -9 in the middle of a charge run, then a second run: the rows are those of a run nobody killed.

`python bench/billing/bench_crash.py [CUSTOMERS ...]`; the killed run is of this size, its kill is real.
"""

import sys
import time
from datetime import date

import crash
from town import copy_of, fill, named

from billing import charges, ledger, testing
from core import db
from linecard import embedded, migrate

ON = date(2026, 12, 1)


def finish(database: db.Database) -> float:
    """Run to the end; return how long it took, in s."""
    began = time.perf_counter()
    charges.run_batches(database, testing.act(ON))
    return time.perf_counter() - began


def main(sizes: list[int]) -> int:
    print(f"{'customers':>10}{'whole s':>9}{'killed after':>14}{'second run s':>14}{'rows':>10}  same")
    with embedded.throwaway() as urls:
        for size in sizes:
            template = f"crash{size}"
            migrate.create_database(urls.database, template)
            fill(named(urls.database, template), size)
            with copy_of(urls.database, template) as database:
                whole_s = finish(database)
                wanted = crash.digests(database)
            with copy_of(urls.database, template) as database:
                told = crash.killed_run(
                    named(urls.database, "measured"),
                    batch=max(100, size // 20),
                    after=9,
                    on=ON.isoformat(),
                    pause_s=whole_s / 100,
                )
                second_s = finish(database)
                found = crash.digests(database)
                with database.reading() as session:
                    wrong = ledger.verify(session)
                is_right = found == wanted and not wrong
            migrate.drop_database(urls.database, template)
            rows = sum(count for count, _ in found.values())
            print(
                f"{size:>10}{whole_s:>9.2f}{told:>14}{second_s:>14.2f}{rows:>10}",
                "  yes" if is_right else "  NO",
            )
            if not is_right:
                print(f"wanted {wanted}\nfound  {found}")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main([int(size) for size in sys.argv[1:]] or [1000, 10_000, 100_000]))
