"""SNMP agents of registered devices: from a row with sealed credentials to whom is asked, and whence."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

from core import errors
from core.words import N_
from netdiag.snmp import SnmpTarget
from registry import equipment, pops
from tasks import sites
from tasks.runtime import Runtime
from tasks.sites import Site

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Agent:
    """Whom to ask with which credentials, and from where: the box of the device's own POP, or here."""

    target: SnmpTarget
    site: Site

    def ask(self, do: Callable[Concatenate[SnmpTarget, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Have a function of the wire done on this agent; raises what it raises, and Unavailable."""
        return self.site.ask(do, self.target, *args, **kwargs)


def agent_of(runtime: Runtime, device_id: int) -> Agent:
    """Return the agent of a device; raises NotFound, Invalid when address or access is missing."""
    target, pop = _known(runtime, device_id)
    return Agent(target, sites.at(runtime, pop))


def target_for(runtime: Runtime, device_id: int, site: Site) -> SnmpTarget:
    """Return whom to ask for a device as part of a job done at `site`.

    A box is never given credentials of gear outside its POP: raises Invalid. Raises also NotFound, Invalid
    when address or access is missing.
    """
    target, pop = _known(runtime, device_id)
    if site.pop and pop != site.pop:
        raise errors.Invalid(
            N_("its credentials are not given to the box of another POP, %(pop)s", pop=site.pop)
        )
    return target


def _known(runtime: Runtime, device_id: int) -> tuple[SnmpTarget, str | None]:
    limits = runtime.settings.diagnostics
    with runtime.database.reading() as session:
        device = equipment.get(session, device_id)
        pop = pops.get(session, device.pop_id).code if device.pop_id else None
        known = equipment.snmp_of(device, runtime.ring)
    return SnmpTarget(timeout_s=limits.snmp_timeout_s, retries=limits.snmp_retries, **known), pop
