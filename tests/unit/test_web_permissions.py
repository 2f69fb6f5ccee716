"""The one page of permissions: names exist, roles hold what they should, marks are kept."""

import pytest

from webapp import permissions


def test_every_role_names_only_permissions_that_exist() -> None:
    for role, granted in permissions.ROLES.items():
        assert granted <= set(permissions.PERMISSIONS), role


def test_the_administrator_may_everything() -> None:
    assert permissions.granted(["administrator"]) == frozenset(permissions.PERMISSIONS)


def test_only_the_office_of_money_and_the_administrator_touch_money_and_cutoff() -> None:
    for name in ("payment.take", "payment.reverse", "promise.give", "suspension.money", "cutoff.run"):
        holders = {role for role, granted in permissions.ROLES.items() if name in granted}
        assert holders == {"billing", "accountant", "administrator"}, name


def test_the_accountant_may_what_the_billing_desk_may_undo_what_it_asks_for_and_close_the_books() -> None:
    desk, accountant = permissions.ROLES["billing"], permissions.ROLES["accountant"]
    assert accountant - desk == {
        "charge.reverse",
        "writeoff.reverse",
        "debt.move",
        "books.close",
        "cutoff.policy",
    }
    assert desk < accountant < permissions.ROLES["administrator"]


def test_only_those_who_work_on_lines_send_packets() -> None:
    holders = {role for role, granted in permissions.ROLES.items() if "diagnostics.run" in granted}
    assert holders == {"noc", "technician", "administrator"}


def test_roles_add_up_and_an_unknown_one_gives_nothing() -> None:
    both = permissions.granted(["noc", "billing"])
    assert {"diagnostics.run", "payment.take"} <= both
    assert permissions.granted(["king"]) == frozenset()
    assert permissions.granted([]) == frozenset()


def test_a_mark_that_names_no_permission_is_refused_at_import() -> None:
    with pytest.raises(ValueError, match=r"customer\.veiw"):
        permissions.required("customer.veiw")


def test_a_view_without_a_mark_says_nothing() -> None:
    assert permissions.of(lambda: None) is None
    assert permissions.of(permissions.public(lambda: None)) == permissions.ANYBODY
