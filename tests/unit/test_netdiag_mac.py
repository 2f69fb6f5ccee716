"""MAC addresses in every spelling."""

import pytest

from netdiag import errors, mac


@pytest.mark.parametrize(
    "text",
    [
        "00:11:22:AA:0b:55",
        "00-11-22-aa-0b-55",
        "0011.22aa.0b55",
        "0011-22aa-0b55",
        "0011:22aa:0b55",
        "001122-aa0b55",
        "001122aa0b55",
        "00 11 22 aa 0b 55",
        "0x001122AA0B55",
        " 0:11:22:aa:b:55 ",
    ],
)
def test_every_common_spelling_means_the_same(text):
    assert mac.parse(text) == "00:11:22:aa:0b:55"


@pytest.mark.parametrize(
    "text", ["", "00:11:22:33:44", "00:11:22:33:44:5g", "00:11-22:33:44:55", "0011223344556", "10.0.0.1"]
)
def test_what_is_no_mac_is_refused(text):
    with pytest.raises(errors.BadAddress):
        mac.parse(text)


@pytest.mark.parametrize(
    ("text", "is_random"),
    [("02:00:00:00:00:01", True), ("da:11:22:33:44:55", True), ("00:1b:21:00:00:01", False)],
)
def test_a_made_up_address_is_known_by_its_local_bit(text, is_random):
    assert mac.is_random(text) is is_random
