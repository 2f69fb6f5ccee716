"""What nft says, sorted by what can be done about it: the program here is a script that says it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import gates
from gates import LineAccess, nft_program

LINE = LineAccess(1, ("192.0.2.1",))


@pytest.fixture(autouse=True)
def here(tmp_path: Path) -> Iterator[None]:
    """Allow the programs of the test, as the settings of a worker would."""
    nft_program.allow(str(tmp_path / name) for name in ("nft", "absent", "text"))
    yield
    nft_program.allow(())


def _gate(folder: Path, script: str, **settings: object) -> gates.Gate:
    program = folder / "nft"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return gates.make("nftables", {"program": str(program), **settings})


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("internal:0:0-0: Error: Could not process rule: Operation not permitted", gates.GateMisconfigured),
        ("netlink: Error: cache initialization failed: Permission denied", gates.GateMisconfigured),
        ('exec of "nft" failed: No such file or directory', gates.GateMisconfigured),
        ("Error: Could not process rule: File exists", gates.GateMisconfigured),
        ("Error: Could not process rule: Device or resource busy", gates.GateUnreachable),
        ("netlink: Error: No buffer space available", gates.GateUnreachable),
        ("Error: syntax error, unexpected string", gates.GateRefused),
        ("", gates.GateRefused),
    ],
)
def test_each_complaint_becomes_the_error_that_fits(
    tmp_path: Path, words: str, kind: type[gates.GateError]
) -> None:
    gate = _gate(tmp_path, f"cat >/dev/null; echo '{words}' >&2; exit 1")
    with pytest.raises(kind) as caught:
        gate.apply({LINE: "closed"})
    assert str(caught.value)


def test_a_missing_or_useless_program_is_a_matter_of_settings(tmp_path: Path) -> None:
    with pytest.raises(gates.GateMisconfigured, match="not installed"):
        gates.make("nftables", {"program": str(tmp_path / "absent")}).check()
    (tmp_path / "text").write_text("not a program")
    with pytest.raises(gates.GateMisconfigured, match="cannot be started"):
        gates.make("nftables", {"program": str(tmp_path / "text")}).check()
    for text in ("hello", "[]", "{}"):
        with pytest.raises(gates.GateMisconfigured, match="does not answer in JSON"):
            _gate(tmp_path, f"echo '{text}'").check()


def test_a_program_that_hangs_is_left_after_the_patience_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(gates.GateUnreachable, match=r"0\.2 s"):
        _gate(tmp_path, "exec sleep 30", timeout_s=0.2).check()


def test_a_missing_table_means_open_and_the_check_says_so(tmp_path: Path) -> None:
    script = "echo 'Error: No such file or directory\nlist table inet linecard' >&2; exit 1"
    gate = _gate(tmp_path, script)
    assert gate.read([LINE]) == {1: "open"}
    assert "not installed yet" in gates.said(gate.check())


def test_a_try_names_the_version_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    told = '{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}]}'
    answers, rules, garden = _gate(tmp_path, f"echo '{told}'").check()
    assert answers.words == "nftables 1.0.6 answers on this machine"
    assert (rules.is_good, rules.advice) == (False, "the next batch mends it")
    assert garden.words.startswith("No garden is set")
    absent = f"""case "$*" in *tables) echo '{told}';; *) echo 'Error: No such file or directory
list table inet linecard' >&2; exit 1;; esac"""
    answers, table, _ = _gate(tmp_path, absent).check()
    assert "1.0.6" in answers.words
    assert (table.is_good, "not installed yet" in table.words) == (True, True)


def test_the_batch_given_to_nft_is_one_transaction(tmp_path: Path) -> None:
    gate = _gate(tmp_path, f'echo "$@" > {tmp_path}/arguments; cat > {tmp_path}/given')
    assert gate.apply({LINE: "closed"})[1].applied == "closed"
    assert (tmp_path / "arguments").read_text() == "-f -\n"
    commands = (tmp_path / "given").read_text().splitlines()
    assert commands[0] == "add table inet linecard"
    assert "add element inet linecard closed4 { 192.0.2.1 }" in commands


def test_nothing_is_run_for_a_batch_of_bad_lines(tmp_path: Path) -> None:
    gate = _gate(tmp_path, "exit 9", protected=["192.0.2.0/24"])
    assert "protected" in (gate.apply({LINE: "closed"})[1].error or "")


@pytest.mark.parametrize("kind", ["nftables", "nftables_ssh"])
@pytest.mark.parametrize(
    "program",
    [
        "sh -c id",
        "sudo -n sh -c nft",
        "nft; id",
        "nft -f /etc/shadow",
        "sudo -u root nft",
        "/tmp/nft",
        "./nft",
        "ip netns exec gw nft",
        "nft\n",
        "",
    ],
)
def test_a_program_that_is_not_nft_is_not_run_and_it_says_who_may_allow_it(kind: str, program: str) -> None:
    with pytest.raises(gates.GateMisconfigured, match=r"gates\.nft_programs|at least 1 character"):
        gates.make(kind, {"program": program}).check()


def test_nft_itself_a_path_of_it_and_a_change_of_user_need_nobodys_word() -> None:
    for program in (
        "nft",
        "/usr/sbin/nft",
        "sudo nft",
        "sudo -n nft",
        "doas -n /sbin/nft",
        "/usr/bin/sudo nft",
    ):
        assert nft_program.words(program) == program.split()
    nft_program.allow(["ip netns exec gw nft"])
    assert nft_program.words("ip netns exec gw nft") == ["ip", "netns", "exec", "gw", "nft"]
