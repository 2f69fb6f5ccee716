"""The customer card as people read it: one screen, few questions to the database, nothing left out."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import event, insert, update

from billing import access, suspensions
from billing.models import (
    AccessState,
    Account,
    EntryKind,
    LedgerEntry,
    LockReason,
    Plan,
    Subscription,
    SubscriptionAccess,
)
from core import clock
from desk import tickets
from registry import (
    addresses,
    audit,
    cables,
    connections,
    contacts,
    customers,
    device_types,
    equipment,
    files,
    labels,
    line_gates,
    lines,
    networks,
    notes,
    testing,
)
from registry.models import AddressKind, CustomerKind, CustomerStatus, DeviceRole, DeviceState
from registry.models.cables import CableType
from webapp import identity
from webapp.customers import card, panels

OLENA = audit.Actor(None, "Olena")
SHOWN_LATER = ("cables", "entries", "tickets", "notes", "files", "history")


@pytest.fixture
def olha(database):
    """A customer with several of everything, in debt, behind a gate that fails."""
    with database.transaction() as session:
        made = customers.create(
            session,
            OLENA,
            currency="EUR",
            kind=CustomerKind.COMPANY,
            company_name="Коваль і сини",
            first_name="Ольга",
            last_name="Коваль",
            dba="Salon",
            status=CustomerStatus.CONNECTED,
        )
        _is_known(session, made)
        _is_served(session, made)
        _owes(session, made)
        return made


def _is_known(session, made):
    customers.set_alert(session, OLENA, made.id, "Dog in the yard")
    labels.set_groups(session, OLENA, made.id, [labels.create_group(session, OLENA, name="vip").id])
    mark = labels.create_mark(session, OLENA, name="Medical", colour_text="#aa0000")
    labels.set_marks(session, OLENA, made.id, [mark.id])
    contacts.add(
        session, OLENA, made.id, name="Olha", region="UA", phone="0671234567", email="olha@example.org"
    )
    addresses.save(session, OLENA, made.id, AddressKind.VISITING, street="Зелена", city="Львів", floor=0)
    notes.add(session, OLENA, made.id, content="ordinary <i>note</i>")
    notes.add(session, OLENA, made.id, content="call before work", is_urgent=True)
    tickets.open(session, OLENA, made.id, subject="Slow", priority=3)
    tickets.open(session, OLENA, made.id, subject="No light on the box", priority=1)
    files.store(session, OLENA, made.id, name="plan.txt", content=b"a plan", limit_bytes=1000)


def _is_served(session, made):
    switch = device_types.create(session, OLENA, name="CRS", role=DeviceRole.SWITCH)
    router = device_types.create(
        session, OLENA, name="hAP", role=DeviceRole.CPE, web_scheme="http", web_port=8080
    )
    access_switch = equipment.create(session, OLENA, name="sw-1", type_id=switch.id)
    port = equipment.ensure_port(session, access_switch.id, 2, name="ether2")
    networks.create(session, OLENA, name="Home", cidr="10.9.0.0/24", colour="#00aa00")
    line_gates.create(session, OLENA, name="Gateway", kind="dry_run", options={}, is_default=True)
    device = equipment.create(
        session, OLENA, name="r1", type_id=router.id, customer_id=made.id, address="10.9.0.2"
    )
    networks.give(session, OLENA, made.id, address="10.9.0.2", device_id=device.id, mac="02:00:00:00:00:aa")
    equipment.note_status(session, device.id, DeviceState.SILENT, None, clock.now() - timedelta(hours=3))
    connections.connect(session, OLENA, made.id, port.id, vlan=7)
    ends = (cables.Place("customer", made.id), cables.Place("pop", testing.pop(session).id))
    cables.create(session, OLENA, type=CableType.FIBRE, ends=ends, name="F-12", length_m=1240)
    plan = Plan(name="Home 100", price_minor=1250, currency="EUR", down_kbps=100_000, up_kbps=50_000)
    session.add(plan)
    session.flush()
    today = clock.today("Europe/Kyiv")
    row = Subscription(
        account_id=made.account_id, plan_id=plan.id, starts_on=today - timedelta(days=90), bill_day=1
    )
    session.add(row)
    session.flush()
    access.ensure(session, row.id, today=today)
    lines.attach(session, row.id, made.id, actor=OLENA)
    suspensions.place(session, [row.id], LockReason.MANUAL, owner="Taras", note="asked by phone", today=today)
    session.execute(
        update(SubscriptionAccess).values(
            observed=AccessState.OPEN,
            observed_at=clock.now(),
            error="no route to the gateway",
            attempts=4,
            next_attempt_at=clock.now() + timedelta(minutes=5),
        )
    )


def _owes(session, made):
    today = clock.today("Europe/Kyiv")
    session.execute(
        insert(LedgerEntry).values(
            account_id=made.account_id,
            kind=EntryKind.CHARGE,
            amount_minor=-1250,
            currency="EUR",
            balance_after_minor=-1250,
            dated_on=today,
            due_on=today - timedelta(days=40),
            description="October",
            author="test",
        )
    )
    session.execute(update(Account).where(Account.id == made.account_id).values(balance_minor=-1250))


def words(text):
    """What a person reads of a page: no tags, single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).strip()


def test_the_first_screen_asks_the_database_at_most_eight_times(olha, database, sign_in_as):
    browser = sign_in_as("noc")
    browser.get(f"/customers/{olha.id}")
    asked = []

    def note(_connection, _cursor, statement, *_rest):
        is_ours = not re.search(r"staff_sessions|heartbeats", statement)
        if statement.lstrip().startswith(("SELECT", "WITH")) and is_ours and "FROM" in statement:
            asked.append(statement)

    with database.reading() as session:
        engine = session.connection().engine
    event.listen(engine, "before_cursor_execute", note)
    answer = browser.get(f"/customers/{olha.id}")
    event.remove(engine, "before_cursor_execute", note)
    assert answer.status_code == 200
    assert 0 < len(asked) <= 8, [" ".join(statement.split())[:120] for statement in asked]


def test_the_first_screen_says_who_he_is_and_what_matters(olha, sign_in_as):
    text = sign_in_as("noc").get(f"/customers/{olha.id}").text
    read = words(text)
    for part in ("Коваль і сини", "10001", "“Salon”", "Ольга Коваль", "connected", "vip", "Medical"):
        assert part in read, part
    alert, urgent, task = (text.index(part) for part in ("Dog in the yard", "Urgent note", "card-task"))
    assert alert < urgent < task < text.index('id="panel-contacts"')
    assert "call before work" in read
    assert "ordinary" not in read
    assert "No light on the box" in read
    assert "1 urgent" in read
    assert "Slow" not in read


def test_the_contacts_can_be_called_and_written_to_and_floor_0_is_a_floor(olha, sign_in_as):
    text = sign_in_as("noc").get(f"/customers/{olha.id}").text
    assert 'href="tel:+380671234567"' in text
    assert "+380 67 123 4567" in text
    assert 'href="mailto:olha@example.org"' in text
    assert "floor 0" in text
    assert "No point on the map:" in text
    assert f"/customers/{olha.id}/point" in text


def test_the_line_tells_wanted_applied_observed_the_lock_and_the_failing_gate(olha, sign_in_as):
    read = words(sign_in_as("noc").get(f"/customers/{olha.id}/panels/services").text)
    assert re.search(r"wanted closed .* applied not yet observed open", read)
    assert "by hand asked by phone Taras" in read
    assert "Gateway : no route to the gateway 4 attempts · next try" in read
    assert "100 / 50 Mbit/s" in read


def test_the_equipment_address_and_port_are_told_with_age_and_way_to_them(olha, sign_in_as):
    text = sign_in_as("noc").get(f"/customers/{olha.id}").text
    assert text.count('href="http://10.9.0.2:8080/"') == 2
    assert 'data-stale-after="900"' in text
    assert "silent" in text
    assert 'fill="#00aa00"' in text
    assert "Home, 10.9.0.0/24" in text
    read = words(text)
    assert "sw-1 ether2" in read
    assert "VLAN 7" in read
    assert "not known yet" in read


def test_the_balance_tells_debt_overdue_and_days_and_leads_to_the_cashier(olha, sign_in_as):
    text = sign_in_as("billing").get(f"/customers/{olha.id}").text
    read = words(text)
    assert "-€12.50 owes €12.50 overdue 40 days" in read
    assert f'action="/customers/{olha.id}/money/payback"' in text
    for page in ("", "/payment", "/promise"):
        assert f'href="/customers/{olha.id}/money{page}"' in text, page
    text = sign_in_as("noc").get(f"/customers/{olha.id}").text
    assert "-€12.50" in text
    assert "/money/payment" not in text
    assert "/money/payback" not in text


def test_the_heavier_panels_come_as_fragments(olha, sign_in_as):
    browser = sign_in_as("noc")
    page = browser.get(f"/customers/{olha.id}").text
    expected = {
        "cables": "F-12 fibre, 1.24 km POP Core",
        "entries": "charge October -€12.50",
        "tickets": "No light on the box 1 urgent #",
        "notes": "Urgent Olena",
        "files": "plan.txt 6 bytes",
        "history": "Line set up",
    }
    for name in SHOWN_LATER:
        url = f"/customers/{olha.id}/panels/{name}"
        assert f'hx-get="{url}"' in page or name == "entries"
        answer = browser.fragment(url)
        assert answer.status_code == 200
        assert "<html" not in answer.text
        assert f'id="panel-{name}"' in answer.text
        assert expected[name] in words(answer.text), (name, words(answer.text))
    assert f'hx-get="/customers/{olha.id}/diagnostics" hx-trigger="load' in page


def test_urgent_notes_come_first_and_notes_are_escaped(olha, sign_in_as):
    text = sign_in_as("noc").fragment(f"/customers/{olha.id}/panels/notes").text
    assert text.index("call before work") < text.index("ordinary &lt;i&gt;note")


@pytest.mark.parametrize("name", [name for name in panels.PANELS if name != "customer"])
def test_every_panel_of_an_empty_customer_says_that_it_is_empty(database, sign_in_as, name):
    with database.transaction() as session:
        made = customers.create(session, OLENA, currency="EUR", last_name="Nowak")
    answer = sign_in_as("administrator").fragment(f"/customers/{made.id}/panels/{name}")
    assert answer.status_code == 200
    says_so = {"balance": "even", "history": "Customer added"}.get(name)
    assert says_so in answer.text if says_so else 'class="empty' in answer.text


def test_over_ten_rows_the_rest_is_behind_view_all(olha, database, sign_in_as):
    with database.transaction() as session:
        for number in range(10):
            contacts.add(session, OLENA, olha.id, name=f"Person {number}", region="UA", email="a@example.org")
    browser = sign_in_as("noc")
    url = f"/customers/{olha.id}/panels/contacts"
    part = browser.fragment(url).text
    assert part.count('class="line"') == 10
    assert f'href="{url}"' in part
    assert "View all" in part
    whole = browser.get(url).text
    assert whole.count('class="line"') == 11
    assert "<html" in whole
    assert "View all" not in whole


def test_history_goes_on_page_by_page(olha, database, sign_in_as):
    with database.transaction() as session:
        for number in range(120):
            customers.set_alert(session, OLENA, olha.id, f"alert {number}")
    browser = sign_in_as("noc")
    first = browser.get(f"/customers/{olha.id}/panels/history").text
    assert "alert 118 → alert 119" in words(first)
    assert "Customer added" not in first
    older = re.search(r'href="(/customers/\d+/panels/history\?after=\d+)"', first)[1]
    assert "Customer added" in browser.get(older).text


def test_only_controls_a_person_may_use_are_there(olha, sign_in_as):
    url = f"/customers/{olha.id}"
    technician = sign_in_as("technician").get(url).text
    assert f'hx-get="{url}/edit/equipment"' in technician
    assert f'hx-get="{url}/edit/contacts"' not in technician
    assert "/edit/customer" not in technician
    billing = sign_in_as("billing").get(url).text
    assert f'hx-get="{url}/edit/contacts"' in billing
    assert f'hx-get="{url}/edit/equipment"' not in billing
    assert "/remove/ips/" not in billing


def test_without_the_right_to_money_no_sum_is_on_the_card(olha, web_app, database):
    with database.transaction() as session:
        audit.record(session, OLENA, "payment.received", customer_id=olha.id, note="€12.50")
    from flask import g

    from core import errors

    def ask(endpoint, **values):
        headers = {"HX-Request": "true"}
        with web_app.test_request_context(f"/customers/{olha.id}", headers=headers):
            g.person = identity.Person(1, "x", "X", (), "", 1, frozenset({"customer.view"}))
            return web_app.view_functions[endpoint](customer_id=olha.id, **values).get_data(as_text=True)

    text = ask("customers.card")
    assert "€" not in text
    assert "panel-balance" not in text
    assert "Home 100" in text
    assert "€" not in ask("customers.panel", name="history")
    for name in ("balance", "entries"):
        with pytest.raises(errors.Forbidden):
            ask("customers.panel", name=name)


def test_a_panel_after_a_change_brings_the_top_of_the_card_with_it(olha, web_app):
    from flask import g

    everything = frozenset({"customer.view", "money.view"})
    with web_app.test_request_context("/", headers={"HX-Request": "true"}):
        g.person = identity.Person(1, "x", "X", (), "", 1, everything)
        text = card.render_panel(olha.id, "notes").get_data(as_text=True)
    assert text.lstrip().startswith('<section class="panel" id="panel-notes"')
    assert 'id="card-top" hx-swap-oob="true"' in text
    assert "Dog in the yard" in text
    with web_app.test_request_context("/"):
        answer = card.render_panel(olha.id, "notes")
    assert (answer.status_code, answer.location) == (303, f"/customers/{olha.id}")


def test_sections_are_reached_by_keys(olha, sign_in_as):
    text = sign_in_as("noc").get(f"/customers/{olha.id}").text
    targets = re.findall(r'<a href="#([a-z-]+)" data-key="(.)">', text)
    assert len({key for _, key in targets}) == len(targets) == 13
    for target, _ in targets:
        assert f'id="{target}"' in text, target


def test_a_file_is_handed_out_as_a_download_and_history_says_to_whom(olha, database, sign_in_as):
    browser = sign_in_as("noc")
    page = browser.fragment(f"/customers/{olha.id}/panels/files").text
    url = re.search(rf'href="(/customers/{olha.id}/files/\d+)"', page)[1]
    answer = browser.get(url)
    assert answer.data == b"a plan"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "no-store" in answer.headers["Cache-Control"]
    history = words(browser.get(f"/customers/{olha.id}/panels/history").text)
    assert history.index("File downloaded") < history.index("File added")
    assert "Noc Person" in history
    assert browser.get(url.replace(f"/{olha.id}/", "/999/")).status_code == 404


def test_what_is_not_there_is_not_found(olha, sign_in_as):
    browser = sign_in_as("noc")
    for url in ("/customers/999", f"/customers/{olha.id}/panels/nothing", "/customers/999/panels/notes"):
        assert browser.get(url).status_code == 404, url
        assert browser.fragment(url).status_code == 404, url
