"""What the MACs seen behind an address mean."""

import pytest

from registry.mac_truth import Owner, Truth, is_made_up, judge

ON_FILE, SEEN, MADE_UP = "00:11:22:00:00:01", "00:11:22:00:00:02", "02:11:22:00:00:02"
OTHER = Owner("1002 Petrenko", 2, "1002")
FORMER = Owner("1003 Shevchuk", 3, "1003", is_former=True)
OURS = Owner("gw1")


@pytest.mark.parametrize(
    ("on_file", "seen", "owners", "truth"),
    [
        (None, (), {}, Truth.UNKNOWN),
        (ON_FILE, (), {}, Truth.UNKNOWN),
        (ON_FILE, (ON_FILE,), {}, Truth.SAME),
        (ON_FILE, (ON_FILE, ON_FILE), {}, Truth.SAME),
        (MADE_UP, (MADE_UP,), {}, Truth.SAME),
        (ON_FILE, (ON_FILE,), {ON_FILE: FORMER}, Truth.SAME),
        (None, (SEEN,), {}, Truth.NEW),
        (ON_FILE, (SEEN,), {}, Truth.SWAPPED),
        (ON_FILE, (SEEN,), {ON_FILE: FORMER}, Truth.SWAPPED),
        (ON_FILE, (ON_FILE, SEEN), {}, Truth.FIGHT),
        (None, (SEEN, MADE_UP), {SEEN: OTHER}, Truth.FIGHT),
        (ON_FILE, (SEEN,), {SEEN: OTHER}, Truth.OTHERS),
        (None, (SEEN,), {SEEN: OTHER}, Truth.OTHERS),
        (ON_FILE, (MADE_UP,), {MADE_UP: OTHER}, Truth.OTHERS),
        (ON_FILE, (SEEN,), {SEEN: OURS}, Truth.OURS),
        (ON_FILE, (SEEN,), {SEEN: FORMER}, Truth.FORMERS),
        (None, (SEEN,), {SEEN: FORMER}, Truth.FORMERS),
        (ON_FILE, (MADE_UP,), {}, Truth.MADE_UP),
        (None, (MADE_UP,), {}, Truth.MADE_UP),
    ],
)
def test_the_conclusion_follows_from_what_was_seen(on_file, seen, owners, truth):
    assert judge(on_file, seen, owners) is truth


def test_a_made_up_mac_is_known_by_its_second_bit():
    assert is_made_up("02:00:00:00:00:00")
    assert is_made_up("fe:00:00:00:00:00")
    assert not is_made_up("00:11:22:00:00:01")
    assert not is_made_up("fc:ec:da:00:00:01")
