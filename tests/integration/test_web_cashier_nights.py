"""The nights as a list: what each did, what its cutoff waits for, whom it left out."""

import re
from datetime import timedelta

from billing import night
from billing import testing as money_testing
from billing.models import NightRun
from core import clock
from registry import testing

TODAY = clock.today("Europe/Kyiv")


def test_nights_tell_what_they_did_and_whom_they_left_out(sign_in_as, database):
    with database.transaction() as session:
        olha = testing.customer(session, "5001")
        session.add_all(
            NightRun(
                run_on=TODAY - timedelta(days=70 - number),
                started_at=clock.now(),
                finished_at=clock.now(),
                report={"charges": {"entries": 0, "failed": []}},
            )
            for number in range(52)
        )
        failed = {
            "charges": {
                "undocumented": {"company": 3},
                "entries": 7,
                "totals": {"EUR": 21000},
                "failed": [olha.account_id, 987654321],
            }
        }
        waits = {"applied": {"waits": "a person applies the plans here"}}
        waits["lines"] = {"late": [], "missed": [olha.account_id]}
        session.add(
            NightRun(run_on=TODAY - timedelta(days=2), started_at=clock.now(), report={**failed, **waits})
        )
    night.close_day(
        database, money_testing.act(TODAY - timedelta(days=1)), rules=money_testing.RULES
    )  # what a real report holds
    browser = sign_in_as("billing")
    page = browser.get("/nights").text
    assert re.findall(r'cell-title"><time datetime="(\S+?)"', page)[:2] == [
        f"{TODAY - timedelta(days=1)}",
        f"{TODAY - timedelta(days=2)}",
    ]
    assert f'href="/customers/{olha.id}">5001' in page
    assert "Account 987654321 of nobody" in page
    assert "not charged" in page
    assert 'href="/charges/documents?since=' in page
    assert "the line never went off" in page
    assert "went off late" not in page
    assert "The cutoff waits: a person applies the plans here" in page
    assert 'rel="next"' in page
    only = browser.get("/nights?state=left_out").text
    assert re.findall(r'cell-title"><time datetime="(\S+?)"', only) == [f"{TODAY - timedelta(days=2)}"]
    assert "210.00" in only
    assert "Widen or clear" in browser.get(f"/nights?state=open&to={TODAY - timedelta(days=9)}").text
    assert sign_in_as("technician").get("/nights").status_code == 403
