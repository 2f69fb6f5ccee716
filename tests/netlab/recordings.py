"""The recorded devices of the package snmpsim-data, cut to what a status reads, and the table of docs/devices.md."""

import bz2
import importlib.util
import re
import sys
from pathlib import Path

from netdiag import status
from netdiag.results import DeviceStatus
from netdiag.snmp import SnmpTarget, walks
from netdiag.snmp.agent import Agent

DOC = Path(__file__).resolve().parents[2] / "docs" / "devices.md"
# Routes, connections and processes make up the gigabytes of some recordings; no status asks for them.
_STANDARD = re.compile(
    rb"^1\.3\.6\.1\.(?:2\.1\.(?:1|2|10\.7|17|25\.[123]|31|16\.19|33|43\.5|47|99|105)|6\.3\.10)\.[^\n]*$",
    re.MULTILINE,
)
_MAKERS = re.compile(rb"^1\.3\.6\.1\.4\.1\.[^\n]*$", re.MULTILINE)
_MOST_LINES = 60_000
_PIECE = 1 << 20
_MOST_OF_THE_MAKER = 15_000
_HEAD = """# Recorded devices

Every recording of the package `snmpsim-data` (BSD-2), served on loopback and read by `python -m netdiag status`.
`tests/netlab/test_wire_recordings.py` keeps this table; `PYTHONPATH=. python -m tests.netlab.recordings` writes it anew
after a profile has changed. Of each recording what a status reads is served: the standard tables, and the first 15,000 lines
of the maker's own tree.

| Recording | Vendor | Model | Version | Ports | FDB |
|---|---|---|---|---|---|
"""


def folder() -> Path:
    """Return where the package keeps its recordings."""
    found = importlib.util.find_spec("snmpsim_data")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "data"


def names() -> list[str]:
    """Return every recording by its path in the package."""
    return sorted(str(path.relative_to(folder())) for path in folder().rglob("*.snmprec*"))


def cut(name: str) -> str:
    """Return the lines of a recording that matter to a status."""
    standard: list[bytes] = []
    makers: list[bytes] = []
    rest = b""
    with (bz2.open if name.endswith(".bz2") else open)(folder() / name, "rb") as recording:
        # A recording is in the order of its OIDs: behind so much of the maker's tree comes only more of it.
        while len(makers) < _MOST_OF_THE_MAKER and (piece := recording.read(_PIECE)):
            whole, newline, rest = (rest + piece).rpartition(b"\n")
            standard += _STANDARD.findall(whole + newline)
            makers += _MAKERS.findall(whole + newline)
    standard += _STANDARD.findall(rest)
    makers += _MAKERS.findall(rest)
    lines = standard[:_MOST_LINES] + makers[:_MOST_OF_THE_MAKER]
    return b"\n".join(lines).decode("utf-8", errors="surrogateescape") + "\n"


def read(text: str) -> DeviceStatus:
    """Serve a recording's text on loopback and read its status."""
    with Agent(walks.parse(text)) as agent:
        target = SnmpTarget("127.0.0.1", agent.port, timeout_s=5)
        return status.read(target, deadline_s=60)


def line(name: str, found: DeviceStatus) -> str:
    """Return the table's line for a recording."""
    cells = [name.removesuffix(".bz2").removesuffix(".snmprec"), found.vendor, found.model, found.version]
    cells += [str(len(found.ports)), str(len(found.fdb))]
    return "| " + " | ".join((cell or "–").replace("|", "/").replace("\n", " ") for cell in cells) + " |"


if __name__ == "__main__":
    rows = []
    for recording in names():
        rows.append(line(recording, read(cut(recording))))
        sys.stdout.write(rows[-1] + "\n")
    DOC.write_text(_HEAD + "\n".join(rows) + "\n")
