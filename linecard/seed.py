"""`linecard demo`: fill an empty database with the demo ISP, and note for `up` that it is one."""

import json
from pathlib import Path

from core.settings import Settings

MARK = "demo.json"


def run(settings: Settings, *, if_empty: bool, mark: Path | None) -> int:
    """Seed; returns 1 when the database is in use, unless that was expected (`if_empty`)."""
    # Late: the supervisor imports this module for the mark's name alone.
    from core import db
    from linecard import demo, embedded, lab
    from linecard.demo import lab as demo_lab

    with embedded.attached(settings) as urls:
        database = db.Database(db.engine_of(urls.database))
        try:
            is_new = demo.seed_if_empty(settings, database)
            found = lab.status(settings.data.folder) if is_new else None
            if found and found.is_whole:  # built before the demo: it knows the lab from the beginning
                demo_lab.point_at_lab(settings, database, found.plan)
            with database.reading() as session:
                is_demo = demo.is_demo(session)
        finally:
            database.dispose()
    if mark:
        fresh = mark.with_suffix(".new")
        fresh.write_text(json.dumps({"is_demo": is_demo, "words": sign_ins() if is_demo else ""}))
        fresh.replace(mark)
    if is_new:
        print("The demo ISP is written.")
        if not mark:
            print(sign_ins())
    else:
        print("The database is in use and stays as it is.")
    return 0 if is_new or if_empty else 1


def sign_ins() -> str:
    """List who may sign in at the demo, for people to read."""
    from linecard import demo

    rows = [f"  {login:<10} {password:<16} {role}" for login, password, role in demo.sign_ins()]
    return "\n".join(["Demo sign-ins (name, password, role):", *rows])
