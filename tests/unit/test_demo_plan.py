"""The demo's plan: the same every time, and in itself consistent."""

import dataclasses
import ipaddress
import random
from collections import Counter
from datetime import date, timedelta

from linecard.demo import echo, gear, habits, mibs, people, plan, pocket, town, work

TODAY = date(2026, 11, 22)


def test_two_builds_with_the_same_seed_are_equal_and_another_seed_differs() -> None:
    again = plan.build.__wrapped__()
    assert again == plan.build()
    assert plan.build.__wrapped__(1) != again


def test_nobody_shares_an_address_a_mac_or_a_flat() -> None:
    isp = plan.build()
    addresses = [address for customer in isp.connected for address in customer.addresses]
    addresses += [device.address for device in isp.devices if device.address]
    macs = [customer.mac for customer in isp.connected] + [device.mac for device in isp.devices]
    flats = [
        (customer.street.name, customer.building, customer.unit)
        for customer in isp.connected
        if customer.unit
    ]
    for found in (addresses, macs, flats):
        assert [each for each, count in Counter(found).items() if count > 1] == []
    assert len(isp.customers) == plan.CUSTOMERS


def test_every_address_is_on_the_loopback_and_a_customers_is_silenced_for_the_kernel() -> None:
    isp = plan.build()
    silenced = [ipaddress.ip_network(prefix) for prefix in pocket.SILENT]
    for customer in isp.connected:
        for address in customer.addresses:
            assert any(ipaddress.ip_address(address) in prefix for prefix in silenced)
    for device in isp.devices:
        address = ipaddress.ip_address(str(device.address))
        assert address.is_loopback
        assert not any(address in prefix for prefix in silenced)


def test_the_plan_has_the_cases_that_a_card_must_show() -> None:
    isp = plan.build()
    assert {customer.access for customer in isp.customers} == {"ethernet", "pon", "radio", None}
    assert any(customer.floor == 0 for customer in isp.customers)
    assert any(not customer.street.is_flats and customer.floor is None for customer in isp.customers)
    assert any(customer.filed_mac is None for customer in isp.connected)
    assert any(customer.filed_mac not in {None, customer.mac} for customer in isp.connected)
    assert any(customer.filed_if_index != customer.if_index for customer in isp.connected)
    assert {customer.trouble for customer in isp.connected} == {"", "loss", "mtu", "slow"}
    assert any(customer.party.dba for customer in isp.connected)
    on_port = Counter(
        (customer.node, customer.if_index) for customer in isp.connected if customer.access == "ethernet"
    )
    assert max(on_port.values()) >= 2
    assert isp.silent
    assert {device.answers for device in isp.agents()} == {"yes", "silent", "closed"}
    assert any(device.snmp and device.snmp.is_filed_wrong for device in isp.agents())
    assert 20 <= len(isp.agents()) <= 35


def test_every_port_a_customer_is_on_exists_on_the_recorded_device() -> None:
    isp = plan.build()
    models = {device.key: gear.models()[device.model] for device in isp.devices}
    for customer in isp.connected:
        indexes = {port.if_index for port in models[customer.node].of_role("access")}
        assert {customer.if_index, customer.filed_if_index} <= indexes


def test_recordings_of_several_vendors_are_whole() -> None:
    models = gear.models()
    assert len({model.vendor for model in models.values()}) >= 8
    for model in models.values():
        assert model.of_role("uplink"), model.key
        assert len({port.if_index for port in model.ports}) == len(model.ports)
        assert all(0 < port.if_index < 2**31 for port in model.ports)
        assert not any("{" in port.name for port in model.ports)


def test_counters_move_and_never_go_back() -> None:
    isp = plan.build()
    switch = next(device for device in isp.devices if device.key == "sw-core-1")
    served = mibs.of_device(isp, switch, lambda _: True)
    oid = "1.3.6.1.2.1.31.1.1.1.6.1"
    seen = [int(served[oid]()) for _ in range(50)]
    assert seen == sorted(seen)
    port = gear.models()["dlink_des3200"].ports[0]
    flow = mibs.traffic(port, random.Random(1), is_busy=True)
    readings = [flow(float(at)) for at in range(0, 2000, 5)]
    assert readings == sorted(readings)
    assert readings[-1] > readings[0]


def test_a_port_switched_off_is_down_and_a_dead_line_has_no_link() -> None:
    isp = plan.build()
    switch = next(device for device in isp.devices if device.key == "sw-core-2")
    alive = next(customer for customer in isp.connected if customer.node == switch.key and customer.is_alive)
    oid = f"1.3.6.1.2.1.2.2.1.8.{alive.if_index}"
    assert mibs.of_device(isp, switch, lambda _: True)[oid]() == 1
    assert mibs.of_device(isp, switch, lambda _: False)[oid]() == 2
    free = next(
        port.if_index
        for port in gear.models()[switch.model].of_role("access")
        if all(
            (customer.node, customer.if_index) != (switch.key, port.if_index) for customer in isp.connected
        )
    )
    assert mibs.of_device(isp, switch, lambda _: True)[f"1.3.6.1.2.1.2.2.1.8.{free}"]() == 2


def test_a_line_answers_late_or_never_as_its_trouble_says() -> None:
    isp = plan.build()
    chance = random.Random(7)
    by_trouble = {customer.trouble: customer for customer in isp.connected if customer.is_alive}
    healthy, lossy, narrow = (echo.pace_of(by_trouble[trouble]) for trouble in ("", "loss", "mtu"))
    assert healthy
    assert lossy
    assert narrow
    assert all(healthy.delay_s(chance, 84) for _ in range(200)) or by_trouble[""].access == "radio"
    lost = sum(lossy.delay_s(chance, 84) is None for _ in range(2000)) / 2000
    assert 0.25 < lost < 0.35
    assert narrow.delay_s(chance, 84) is not None
    assert narrow.delay_s(chance, 1428) is None
    assert echo.pace_of(dataclasses.replace(by_trouble[""], is_alive=False)) is None


def test_the_internet_checksum_of_a_message_that_holds_it_is_zero() -> None:
    message = b"\0\0\0\0\x12\x34\0\x01odd"
    summed = message[:2] + echo.checksum(message).to_bytes(2, "big") + message[4:]
    assert echo.checksum(summed) == 0


def test_habits_leave_exactly_as_many_charges_unpaid_as_they_say() -> None:
    charges = [
        (day, day + timedelta(days=14), 1000) for day in (date(2026, month, 1) for month in range(1, 12))
    ]
    for unpaid in (1, 2, 5):
        habit = habits.Habit("debtor", unpaid=unpaid)
        paid = sum(each.amount_minor for each in habits.payments(habit, charges, TODAY, 3))
        due = sum(amount for _, due, amount in charges if due + timedelta(days=3) < TODAY)
        assert due - paid == unpaid * 1000
    prompt = list(habits.payments(habits.PROMPT, charges, TODAY, 3))
    assert sum(each.amount_minor for each in prompt) == 11_000
    assert all(each.on <= TODAY for each in prompt)


def test_about_an_eighth_of_the_customers_are_debtors_and_each_is_an_old_customer() -> None:
    isp = plan.build()
    assigned = habits.assign(isp)
    assert set(assigned) == {customer.number for customer in isp.customers}
    debtors = [
        number
        for number, habit in assigned.items()
        if (habit.unpaid or habit.short_minor) and not habit.is_written_off
    ]
    assert 0.10 < len(debtors) / len(isp.connected) < 0.15
    assert sum(habit.name == "never cut" for habit in assigned.values()) == 1


def test_a_picture_is_a_png_and_no_phone_number_can_be_anybodys() -> None:
    assert work.picture(3).startswith(b"\x89PNG\r\n\x1a\n")
    assert work.picture(3) != work.picture(4)
    assert people.phone(17) == "+380440000017"
    assert people.mailbox(people.Party("Юлія", "Їжак"), "10042") == "iuliiaizhak42@example.net"


def test_a_spot_a_kilometre_north_is_a_hundredth_of_a_degree_away() -> None:
    latitude, longitude = town.Spot(0, 1113.2).degrees((49.84, 24.03))
    assert (round(latitude, 4), longitude) == (49.85, 24.03)
