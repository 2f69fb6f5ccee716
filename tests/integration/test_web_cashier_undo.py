"""Who may undo what in the ledger: money by the desk that takes it, what asks for money by the accountant."""

from datetime import date

from billing import ledger
from billing import testing as money_testing
from billing.models import EntryKind
from registry import testing

DAY = date(2026, 1, 1)


def test_the_desk_that_takes_money_undoes_no_charge_and_no_write_off(sign_in_as, database):
    with database.transaction() as session:
        customer = testing.customer(session, "1001")
        asked = money_testing.charge(session, customer.account_id, 3000, due_on=DAY)
        forgiven = ledger.post(
            session,
            customer.account_id,
            EntryKind.WRITEOFF,
            1000,
            dated_on=DAY,
            author=money_testing.AUTHOR,
        )
        paid = money_testing.pay(session, customer.account_id, 2000)
        statement = f"/customers/{customer.id}/money"
    desk, accountant = sign_in_as("billing"), sign_in_as("accountant")
    shown, shown_to_accountant = desk.get(statement).text, accountant.get(statement).text
    for entry in (asked, forgiven):
        path = f"/ledger/{entry.id}/reverse"
        assert desk.get(path).status_code == 403
        assert desk.post(path, data={"reason": "mine"}).status_code == 403
        assert path not in shown + desk.get(f"/ledger/{entry.id}").text
        assert path in shown_to_accountant
        assert accountant.post(path, data={"reason": "a fault"}).status_code == 303
    path = f"/ledger/{paid.id}/reverse"
    assert path in shown
    assert desk.post(path, data={"reason": "bounced"}).status_code == 303
    assert path not in desk.get(statement).text
