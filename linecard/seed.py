"""`linecard demo`: fill an empty database with the demo ISP, and note for `up` that it is one."""

import json
from pathlib import Path

from core import db
from core.settings import Settings
from linecard import embedded

MARK = "demo.json"


def run(settings: Settings, *, if_empty: bool, mark: Path | None) -> int:
    """Seed; returns 1 when the database is in use, unless that was expected (`if_empty`)."""
    from linecard import demo

    with embedded.attached(settings) as urls:
        database = db.Database(db.engine_of(urls.database))
        try:
            is_demo = bool(demo.seed_if_empty(settings, database))
            if is_demo:
                _point_at_lab(settings, database)
        finally:
            database.dispose()
    sign_ins = {login: password for login, password, _ in demo.sign_ins()} if is_demo else {}
    if mark:
        fresh = mark.with_suffix(".new")
        fresh.write_text(json.dumps({"is_demo": is_demo, "sign_ins": sign_ins}))
        fresh.replace(mark)
    if is_demo:
        print("The demo ISP is there. Sign-ins:")
        for login, password in sign_ins.items():
            print(f"  {login:<12} {password}")
    else:
        print("The database is in use and stays as it is.")
    return 0 if is_demo or if_empty else 1


def _point_at_lab(settings: Settings, database: db.Database) -> None:
    """Where a lab was built before the demo, the demo knows it from the beginning."""
    from linecard import lab
    from linecard.demo import lab as demo_lab

    found = lab.status(settings.data.folder)
    if found and found.is_whole:
        demo_lab.point_at_lab(settings, database, found.plan)
