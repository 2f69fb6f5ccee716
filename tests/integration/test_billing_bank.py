"""Bank statements on PostgreSQL: matched by rule, booked once, learned from, undone whole."""

from datetime import date

import pytest
from sqlalchemy import func, select, text

from billing import accounts, charges, ledger, payments, subscriptions, testing
from billing.banking import batches, camt, words
from billing.banking.words import Statement
from billing.models import (
    Account,
    BankBatch,
    BankLine,
    BatchStatus,
    Certainty,
    Document,
    LedgerEntry,
    LineStatus,
    MatchRule,
    Method,
    Payer,
    PayerSource,
    PaymentGateway,
    Plan,
    Seller,
)
from core import errors
from registry import bank, money
from registry import testing as people
from registry.models import AuditEvent, Customer
from tasks import bank as tasks_bank
from tasks.runtime import Runtime

TODAY = date(2026, 11, 25)


def line(minor=1000, **facts):
    return words.line(TODAY, minor, facts.pop("currency", "EUR"), **facts)


def read(session, *lines, name="bank.csv"):
    statement = Statement("csv", "EUR", tuple(lines))
    return batches.keep(session, statement, file_name=name, author=testing.AUTHOR)


def work(session, batch):
    for _ in range(20):
        if not bank.work(session, batch.id, today=TODAY, rules=testing.RULES):
            return
    raise AssertionError("never ready")


def lines_of(session, batch):
    return session.scalars(select(BankLine).where(BankLine.batch_id == batch.id).order_by(BankLine.id)).all()


def test_events_are_told_apart_however_often_the_server_was_asked_before(session):
    """After ten executions PostgreSQL may keep one plan for any parameters; it still has to know the index."""
    session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    gateway = PaymentGateway(slug="liq", name="Liq")
    session.add(gateway)
    session.flush()
    for number in range(12):
        event = {"gateway_id": gateway.id, "line_hash": f"{number}"}
        assert batches.keep_event(session, line(), **event) is not None
        assert batches.keep_event(session, line(), **event) is None


@pytest.fixture
def town(session):
    """Customers to be found: by an own account, by number, by name; and somebody who acts."""
    session.add(Seller(name="Fibre Ltd", written_by="test"))
    actor = people.person(session)
    made = [people.customer(session, number) for number in ("10017", "10018", "10019", "77")]
    for customer, (first, last) in zip(
        made, [("Olha", "Koval"), ("Petro", "Melnyk"), ("Petro", "Melnyk"), ("Ivan", "Bilyk")], strict=True
    ):
        customer.first_name, customer.last_name = first, last
    batches.set_virtual_account(session, made[0].account_id, "UA00 V 10017")
    session.flush()
    return {"actor": actor, "customers": made, "accounts": [one.account_id for one in made]}


def invoice(session, account_id):
    account = session.get_one(Account, account_id)
    if account.payer_id is None:
        payer = Payer(name="Petro Melnyk")
        session.add(payer)
        session.flush()
        account.payer_id = payer.id
    plan = Plan(name="Fibre", price_minor=3000, currency="EUR")
    session.add(plan)
    session.flush()
    choice = subscriptions.Choice(plan.id)
    subscriptions.start(session, account_id, testing.act(TODAY), choice=choice, starts_on=date(2026, 11, 1))
    charges.run(session, testing.act(TODAY))
    return session.scalars(select(Document).where(Document.account_id == account_id)).one()


def test_each_rule_finds_its_customer_in_order_and_says_how_sure(session, town):
    first, second, third, short = town["accounts"]
    bill = invoice(session, second)
    batches.learn_source(session, "DE02", third, TODAY)
    batches.learn_source(session, "DE99", first, TODAY)
    batches.learn_source(session, "DE99", third, TODAY)
    batch = read(
        session,
        line(1, own_account="UA00V10017"),
        line(2, message="contract 10018, November"),
        line(3, message=f"for {bill.full_number}."),
        line(4, payer_account="DE02"),
        line(5, payer_name="KOVAL Olha"),
        line(6, payer_name="Melnyk Petro"),
        line(7, message="77"),
        line(8, message="10018 and 10019"),
        line(9, own_account="UA00V10017", message="10018"),
        line(10, payer_account="DE99"),
        line(11, message="10018", currency="UAH"),
        line(12, message="nobody knows"),
        line(-13, message="10018"),
    )
    work(session, batch)
    found = [(one.amount_minor, one.rule, one.certainty, one.account_id) for one in lines_of(session, batch)]
    sure, likely, unsure = Certainty.SURE, Certainty.LIKELY, Certainty.UNSURE
    assert found == [
        (1, MatchRule.OWN_ACCOUNT, sure, first),
        (2, MatchRule.NUMBER, sure, second),
        (3, MatchRule.DOCUMENT, sure, second),
        (4, MatchRule.SOURCE, sure, third),
        (5, MatchRule.NAME, likely, first),
        (6, MatchRule.NAME, unsure, None),
        (7, MatchRule.NUMBER, likely, short),
        (8, MatchRule.NUMBER, unsure, None),
        (9, MatchRule.OWN_ACCOUNT, likely, first),
        (10, None, unsure, None),
        (11, MatchRule.NUMBER, unsure, None),
        (12, None, unsure, None),
        (-13, None, None, None),
    ]
    assert sorted(lines_of(session, batch)[5].candidates) == sorted([second, third])
    assert lines_of(session, batch)[-1].status is LineStatus.IGNORED
    assert batch.status is BatchStatus.READY


def test_a_batch_is_booked_once_learns_and_is_undone_by_reversals(session, town):
    first, second, *_ = town["accounts"]
    rows = [
        line(1000, message="10017", payer_account="DE01", payer_name="A"),
        line(2000, message="10018", payer_account="DE02"),
        line(3000, message="who is it"),
    ]
    batch = read(session, *rows)
    work(session, batch)
    bank.want(session, town["actor"], batch.id, BatchStatus.BOOKING)
    work(session, batch)
    assert [one.status for one in lines_of(session, batch)] == ["booked", "booked", "waiting"]
    again = read(session, *rows)
    assert (again.lines_known, len(lines_of(session, again))) == (3, 0)
    work(session, again)
    bank.want(session, town["actor"], again.id, BatchStatus.BOOKING)
    work(session, again)
    assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 2
    assert balance(session, first) == 1000
    known = session.execute(select(PayerSource.source, PayerSource.account_id)).all()
    assert sorted(known) == [("DE01", first), ("DE02", second)]
    by_hand = lines_of(session, batch)[1]
    money.reverse(session, town["actor"], by_hand.entry_id, reason="wrong", today=TODAY, rules=testing.RULES)
    bank.want(session, town["actor"], batch.id, BatchStatus.UNDOING)
    work(session, batch)
    assert {one.status for one in lines_of(session, batch)} == {LineStatus.UNDONE}
    assert [balance(session, first), balance(session, second)] == [0, 0]
    assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 4
    assert session.scalar(select(func.count()).select_from(PayerSource)) == 0
    assert ledger.verify(session) == []
    anew = read(session, *rows)
    assert anew.lines_known == 0
    with pytest.raises(errors.Conflict):
        bank.want(session, town["actor"], batch.id, BatchStatus.BOOKING)


def test_what_was_booked_by_hand_under_the_same_reference_waits_for_a_person(session, town):
    first, *_ = town["accounts"]
    payments.receive(
        session,
        first,
        1000,
        method=Method.BANK,
        dated_on=TODAY,
        reference="TX-9",
        idempotency_key="form",
        author=testing.AUTHOR,
        today=TODAY,
        rules=testing.RULES,
    )
    batch = read(
        session, line(1000, message="10017", reference="TX-9"), line(1000, message="10017", reference="TX-10")
    )
    work(session, batch)
    bank.want(session, town["actor"], batch.id, BatchStatus.BOOKING)
    work(session, batch)
    known, new = lines_of(session, batch)
    assert (known.status, new.status) == (LineStatus.WAITING, LineStatus.BOOKED)
    assert "is booked already" in known.note
    bank.choose(session, town["actor"], known.id, "10017", today=TODAY, rules=testing.RULES)
    assert balance(session, first) == 3000


def balance(session, account_id):
    return session.get_one(Account, account_id, populate_existing=True).balance_minor


def test_a_person_settles_what_the_rules_leave(session, town):
    batch = read(session, line(1000, message="rent?"), line(2000, payer_account="DE07"))
    work(session, batch)
    stray, paid = lines_of(session, batch)
    with pytest.raises(errors.Invalid):
        bank.ignore(session, town["actor"], stray.id, reason=" ")
    bank.ignore(session, town["actor"], stray.id, reason="our own transfer")
    assert stray.status is LineStatus.IGNORED
    with pytest.raises(errors.Conflict):
        choose(session, town, stray.id, "10017")
    bank.take_up(session, town["actor"], stray.id)
    told = session.scalars(select(AuditEvent).where(AuditEvent.action == "bank.taken_up")).one()
    assert (told.object_id, told.changes) == (stray.id, {"reason": ["our own transfer", ""]})
    with pytest.raises(errors.Invalid):
        choose(session, town, paid.id, "no such")
    choose(session, town, paid.id, "10018")
    assert (paid.status, paid.rule) == (LineStatus.BOOKED, MatchRule.PERSON)
    with pytest.raises(errors.Conflict):
        choose(session, town, paid.id, "10018")
    later = read(session, line(2500, payer_account="DE07"))
    work(session, later)
    assert lines_of(session, later)[0].rule is MatchRule.SOURCE


def choose(session, town, line_id, number):
    return bank.choose(session, town["actor"], line_id, number, today=TODAY, rules=testing.RULES)


def test_a_customer_of_another_currency_is_not_booked_by_hand_either(session, town):
    account = accounts.open_account(session, currency="UAH")
    customer = session.scalars(select(Customer).where(Customer.number == "77")).one()
    customer.account_id = account.id
    session.flush()
    batch = read(session, line(1000))
    work(session, batch)
    with pytest.raises(errors.Invalid, match="currency"):
        choose(session, town, lines_of(session, batch)[0].id, "77")


def test_the_statement_tells_when_its_own_balances_do_not_agree(session):
    body = """<Document><BkToCstmrStmt><Stmt>
    <Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">10</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
    <Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{}</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
    <Ntry><Amt Ccy="EUR">5</Amt><CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>2026-11-2{}</Dt></BookgDt></Ntry>
    </Stmt></BkToCstmrStmt></Document>"""
    gaps = []
    for closing, day in (("15", 1), ("15.50", 2)):
        statement = camt.read(body.format(closing, day).encode())
        batches.keep(session, statement, file_name="x", author=testing.AUTHOR)
        made = session.scalars(select(BankBatch).order_by(BankBatch.id.desc()).limit(1)).one()
        gaps.append(batches.gap_minor(made))
    assert gaps == [0, 50]
    assert batches.gap_minor(read(session, line(1))) is None


SWALLOW = """
CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.idempotency_key = 'bank:1' THEN RETURN NULL; END IF; RETURN NEW;
END $$;
CREATE TRIGGER swallow BEFORE INSERT ON ledger_entries FOR EACH ROW EXECUTE FUNCTION swallow();
"""


@pytest.fixture
def runtime(make_settings, fresh_url):
    made = Runtime(make_settings(data={"database_url": fresh_url}))
    yield made
    made.close()


def test_what_cannot_be_booked_this_moment_stays_sure_and_holds_up_no_other_statement(runtime):
    with runtime.database.transaction() as session:
        actor = people.person(session)
        people.customer(session, "10017")
        made = [read(session, line(minor, message="10017")).id for minor in (1000, 2000)]
    tasks_bank.settle(runtime)
    with runtime.database.transaction() as session:
        for batch_id in made:
            bank.want(session, actor, batch_id, BatchStatus.BOOKING)
        session.execute(text(SWALLOW))  # as if somebody had the first one's key under way

    def booked():
        tasks_bank.settle(runtime)
        with runtime.database.reading() as session:
            lines = session.scalars(select(BankLine).order_by(BankLine.id))
            return [(one.status.value, one.certainty) for one in lines]

    sure = Certainty.SURE
    assert booked() == [("waiting", sure), ("booked", sure)]
    with runtime.database.transaction() as session:
        session.execute(text("DROP TRIGGER swallow ON ledger_entries"))
    assert booked() == [("booked", sure), ("booked", sure)]
