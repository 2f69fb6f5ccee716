"""What a text in the search box may mean, and MACs in any spelling."""

import pytest

from registry import macs, paging, search


@pytest.mark.parametrize(
    "text",
    ["AA:BB:CC:DD:EE:0F", "aa-bb-cc-dd-ee-0f", "aabb.ccdd.ee0f", "AABBCCDDEE0F", " aabbcc-ddee0f "],
)
def test_a_mac_is_read_in_any_spelling(text):
    assert macs.parse(text) == "aa:bb:cc:dd:ee:0f"
    assert search.read(text).mac == "aa:bb:cc:dd:ee:0f"


@pytest.mark.parametrize("text", ["", "aa:bb:cc", "gg:bb:cc:dd:ee:ff", "aabbccddeeff00", "шість"])
def test_what_is_no_mac_is_not_read_as_one(text):
    assert macs.parse(text) is None


def test_two_octets_are_part_of_a_mac():
    assert macs.parse_part("dd-EE-0f") == "dd:ee:0f"
    assert search.read(":ee:0f").mac_part == "ee:0f"
    assert macs.parse_part("ee") is None


def test_an_address_a_network_and_a_part_are_told_apart():
    assert search.read(" 10.0.0.7 ").ip == "10.0.0.7"
    assert search.read("2001:DB8::7").ip == "2001:db8::7"
    assert search.read("10.0.0.7/24").network == "10.0.0.0/24"
    assert search.read("10.0.").ip_part == "10.0."
    assert search.read("10.0.0.7").words == ()
    assert search.read("шевченка 12/3").network is None


@pytest.mark.parametrize(
    ("text", "digits"),
    [("067 123-45-67", "671234567"), ("+380 (67) 1234567", "380671234567"), ("1234", None), ("Іван 5", None)],
)
def test_phone_digits_lose_the_national_zero(text, digits):
    assert search.read(text).phone_digits == digits


def test_words_are_lower_case_and_bounded():
    assert search.read("ШЕВЧЕНКА  Тарас").words == ("шевченка", "тарас")
    assert len(search.read("a " * 50).words) == 6


def test_a_cursor_comes_back_as_it_went():
    cursor = paging.Cursor("-name", is_back=True, values=("Їжак", 7))
    assert paging.read(paging.write(cursor), "-name", (str, int)) == cursor


@pytest.mark.parametrize("text", [None, "", "?", "e30", "bnVsbA", "WyJuYW1lIiwwLCJhIiwidGV4dCJd", "ї"])
def test_a_broken_cursor_means_the_first_page(text):
    assert paging.read(text, "name", (str, int)) is None


def test_a_cursor_of_another_order_means_the_first_page():
    word = paging.write(paging.Cursor("name", is_back=False, values=("a", 1)))
    assert paging.read(word, "-name", (str, int)) is None
    assert paging.read(word, "name", (int, int)) is None


@pytest.mark.parametrize("value", [2**63, True])
def test_a_cursor_with_a_number_the_database_refuses_means_the_first_page(value):
    word = paging.write(paging.Cursor("balance", is_back=False, values=(value, 1)))
    assert paging.read(word, "balance", (int, int)) is None
