"""Try a profile on a recording: serve the walk on loopback and read its status as from a device."""

from pathlib import Path
from typing import Any

from netdiag.snmp import SnmpTarget, walks
from netdiag.snmp.agent import Agent


def serve(walk: Path) -> Agent:
    """Return an agent that serves a recording on a free loopback port; raises BadWalk, OSError."""
    values: dict[str, Any] = walks.read(walk)
    return Agent(values)


def target(agent: Agent) -> SnmpTarget:
    """Return what opens the agent."""
    return SnmpTarget("127.0.0.1", agent.port, timeout_s=5)
