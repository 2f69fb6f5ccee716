"""`linecard gate check` tries the gate that was configured, on real servers, and changes nothing."""

from collections.abc import Callable

import pytest

from core import errors, secrets
from core.db import Database
from core.settings import Gates, Settings
from linecard import gate
from linecard.errors import StartError
from registry import audit, line_gates

OLENA = audit.Actor(None, "Olena")


def _add(database: Database, name: str, kind: str, **fields: object) -> None:
    with database.transaction() as session:
        line_gates.create(session, OLENA, name=name, kind=kind, **fields)


def test_a_gate_says_what_it_found(
    server_settings: Settings, fresh_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    _add(fresh_database, "Trial", "dry_run", options={})
    _add(fresh_database, "Ports", "snmp_port", options={"parallel_devices": 4})
    assert gate.check(server_settings, "Trial") == 0
    assert gate.check(server_settings, "Ports") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("ok  Dry run: decisions are written down")
    assert said[1].startswith("!!  No port of a switch with SNMP access on file")


def test_a_gate_that_cannot_work_says_why(server_settings: Settings, fresh_database: Database) -> None:
    options = {"program": "/nowhere/nft", "timeout_s": 2.0}
    allowing = server_settings.model_copy(update={"gates": Gates(nft_programs=("/nowhere/nft",))})
    _add(fresh_database, "Gw", "nftables", options=options)
    with pytest.raises(StartError, match=r"Gw: '/nowhere/nft' is not run: .*gates\.nft_programs"):
        gate.check(server_settings, "Gw")
    with pytest.raises(StartError, match=r"Gw: /nowhere/nft is not installed"):
        gate.check(allowing, "Gw")
    with pytest.raises(errors.NotFound, match="there are: Gw"):
        gate.check(server_settings, "Gateway")


def test_sealed_settings_are_opened_for_the_gate(
    make_settings: Callable[..., Settings], fresh_url: str, fresh_database: Database
) -> None:
    key = secrets.new_key()
    settings = make_settings(data={"database_url": fresh_url, "queue_url": "unused"}, secrets={"keys": [key]})
    sealed = {"program": "/usr/local/sbin/nft"}
    _add(fresh_database, "Gw", "nftables", options={}, secrets=sealed, ring=secrets.Ring([key]))
    with pytest.raises(StartError, match="/usr/local/sbin/nft is not installed"):
        gate.check(settings, "Gw")
