"""The table of gate kinds in the records, which may not import the gates, says what the gates themselves say."""

import types
from collections.abc import Iterable
from typing import Any, Literal, Union, get_args, get_origin

import pydantic
import pytest

import gates
from gates import nft_program
from registry import gate_kinds, gate_options_linux
from webapp.setup import gate_words

FORMS = {str: "text", int: "whole", float: "decimal", pydantic.SecretStr: "secret"}

# Texts that are not just any name.
SAMPLES = {
    "certificate": ["ab" * 32, ":".join(["AB"] * 32)],
    "host_key": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA root@gw"],
    "garden4": ["192.0.2.80"],
    "program": ["sudo -n nft", "/usr/sbin/nft"],
    "garden6": ["2001:db8::80", "::ffff:192.0.2.80"],
}


def _form(annotation: Any) -> str:
    if get_origin(annotation) is tuple:
        assert get_args(annotation)[0] is pydantic.IPvAnyNetwork
        return "prefixes"
    if get_origin(annotation) is Literal:
        return "choice"
    assert get_origin(annotation) not in (Union, types.UnionType), "no form draws an optional setting"
    return FORMS[annotation]


def _bounds(field: Any) -> dict[str, Any]:
    return {
        name: getattr(rule, name)
        for rule in field.metadata
        for name in ("ge", "gt", "le", "lt", "pattern")
        if getattr(rule, name, None) is not None
    }


def test_both_know_the_same_kinds_in_the_same_words() -> None:
    def told(kinds: Iterable[gate_kinds.GateKind | gates.GateKind]) -> set[tuple[str, str, str, bool]]:
        return {(kind.name, kind.title, kind.summary, kind.holds_logins) for kind in kinds}

    assert told(gate_kinds.KINDS.values()) == told(gates.KINDS.values())


@pytest.mark.parametrize("name", sorted(gates.KINDS))
def test_every_setting_has_its_field_with_its_words_default_and_bounds(name: str) -> None:
    fields = gates.KINDS[name].settings.model_fields
    options = {option.name: option for option in gate_kinds.KINDS[name].options}
    assert list(options) == list(fields)
    assert not {"name", "pop_id", "csrf_token"} & set(options), "a field of the form itself"
    for setting, field in fields.items():
        option, bounds = options[setting], _bounds(field)
        form = _form(field.annotation)
        assert option.form == form or (form == "secret" and option.form == "secrets"), setting
        assert option.label == field.title, setting
        assert option.hint == (field.description or ""), setting
        assert option.default == ("" if option.is_secret else field.get_default()), setting
        if option.form == "choice":
            assert tuple(dict(option.choices)) == get_args(field.annotation), setting
        assert option.maximum == bounds.get("le"), setting
        if "gt" in bounds:
            assert option.minimum is not None, setting
            assert option.minimum > bounds["gt"], setting
        else:
            assert option.minimum == bounds.get("ge"), setting
        if "pattern" in bounds:
            assert option.pattern == bounds["pattern"], setting


def test_the_form_and_the_gate_agree_which_program_a_page_may_name() -> None:
    assert gate_options_linux.NFT == nft_program.PLAIN


@pytest.mark.parametrize("name", sorted(gates.KINDS))
def test_what_the_form_reads_is_what_the_gate_takes(name: str) -> None:
    options = gate_kinds.KINDS[name].options
    plain = gate_kinds.written_options(name, {})
    assert gate_kinds.read_options(name, plain) == {}
    for option in options:
        others = [value for value, _ in option.choices if value != option.default]
        samples = {"prefixes": ["10.0.0.0/8", "fd00::/8"], "text": ["lc-gw_1.x"], "choice": others}
        samples |= {"secret": ["s3cret"], "secrets": ["192.0.2.1 s3cret"]}
        tried = SAMPLES.get(option.name) or samples.get(option.form, [option.minimum, option.maximum])
        for value in (value for value in tried if value != option.default):
            read = gate_kinds.read_options(
                name, {**plain, option.name: f"{value:g}" if isinstance(value, float) else str(value)}
            )
            assert read, (option.name, value)
            gates.make(name, read)
            shown = {} if option.is_secret else read
            assert gate_kinds.read_options(name, gate_kinds.written_options(name, read)) == shown


def test_translators_find_every_word_of_the_table() -> None:
    said = {words for kind in gate_kinds.KINDS.values() for words in (kind.title, kind.summary)}
    for kind in gate_kinds.KINDS.values():
        said |= {words for option in kind.options for words in (option.label, option.hint, option.fault)}
        said |= {label for option in kind.options for _, label in option.choices}
    assert said - {""} == gate_words.WORDS
