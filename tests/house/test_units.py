"""The units of systemd: what they start is a command there is, and none has more rights than its work needs."""

import configparser
from pathlib import Path

import pytest

from linecard import cli

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
# Who puts packets of its own on the wire.
ON_THE_WIRE = {"linecard-probe", "linecard-pop@"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_starts_a_command_there_is_with_no_more_rights_than_it_needs(unit: Path) -> None:
    read = configparser.ConfigParser(interpolation=None, strict=True)
    read.optionxform = str  # type: ignore[assignment, method-assign]
    read.read(unit)
    service = read["Service"]
    program, *words = service["ExecStart"].replace("%i", "north").split()
    assert program.startswith("/opt/linecard/bin/")
    if program.endswith("/linecard"):
        cli._parser(is_lab=False).parse_args(words)
    rights = "CAP_NET_RAW" if unit.stem in ON_THE_WIRE else ""
    assert (service.get("AmbientCapabilities", ""), service["CapabilityBoundingSet"]) == (rights, rights)
    assert ("AF_PACKET" in service["RestrictAddressFamilies"]) == bool(rights)
    assert service["User"] == "linecard"
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "RestrictNamespaces"):
        assert service[name] == "yes", name
    assert (service["ProtectSystem"], service["ReadWritePaths"]) == ("strict", "/var/lib/linecard")


def test_the_drop_in_of_a_gateway_grants_its_worker_the_packet_filter_and_nothing_more() -> None:
    read = configparser.ConfigParser(interpolation=None, strict=True)
    read.optionxform = str  # type: ignore[assignment, method-assign]
    read.read(DEPLOY / "gateway.conf")
    rights = "CAP_NET_RAW CAP_NET_ADMIN"
    assert read.sections() == ["Service"]
    assert dict(read["Service"]) == {"AmbientCapabilities": rights, "CapabilityBoundingSet": rights}
    manual = (DEPLOY.parent / "docs" / "operating.md").read_text()
    for unit in ON_THE_WIRE:
        assert "deploy/gateway.conf" in (DEPLOY / "systemd" / f"{unit}.service").read_text()
    assert "deploy/gateway.conf /etc/systemd/system/linecard-probe.service.d/gateway.conf" in manual
