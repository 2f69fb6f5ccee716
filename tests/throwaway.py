"""Run the throwaway servers of one test run: `python throwaway.py STATE_FILE PID`, until process PID ends.

A process of its own because pytest-xdist's workers share the servers and none of them outlives the others.
"""

import json
import os
import select
import sys
from pathlib import Path

from linecard import embedded, migrate

TEMPLATE = "linecard_template"


def main(state_file: Path, pid: int) -> None:
    run = os.pidfd_open(pid)
    with embedded.throwaway() as urls:
        template = urls.database.replace("/linecard?", f"/{TEMPLATE}?")
        migrate.create_database(urls.database, TEMPLATE)
        migrate.upgrade(template)
        fresh = state_file.with_suffix(".new")
        fresh.write_text(json.dumps({"database": urls.database, "queue": urls.queue}))
        fresh.rename(state_file)
        select.select([run], [], [])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
