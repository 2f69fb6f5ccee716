"""A served router and the gate on it, for the tests of the MikroTik gate."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import gates
from gates import Access, LineAccess, Outcome, testing_routeros
from gates.testing_routeros_tables import Router

CERTIFICATE = testing_routeros.certificate()
DOORS = ("api", "api-ssl", "rest")
LISTS: tuple[Access, ...] = ("closed", "walled", "slow", "notice")
V4, V6 = "/ip/firewall", "/ipv6/firewall"


@dataclass
class Site:
    """A router that is served, and the gate on it."""

    router: Router
    port: int
    door: str
    settings: dict[str, object] = field(default_factory=dict)

    @property
    def gate(self) -> gates.Gate:
        known = {"host": "127.0.0.1", "port": self.port, "door": self.door, "password": "s3cret"}
        pin = {} if self.door == "api" else {"certificate": CERTIFICATE.pin}
        return gates.make("routeros", {**known, **pin, "timeout_s": 5, **self.settings})


@contextlib.contextmanager
def serve(door: str, router: Router | None = None, **settings: object) -> Iterator[Site]:
    router = router or configured()
    tls = None if door == "api" else CERTIFICATE.context
    with testing_routeros.serving(router, "rest" if door == "rest" else "api", tls) as port:
        yield Site(router, port, door, settings)


def configured(**written: object) -> Router:
    """Return a router whose operator did what the manual of Linecard asks of him."""
    router = Router(**written)  # type: ignore[arg-type]
    for firewall in (V4, V6):
        for access in ("closed", "walled"):
            router.rule(f"{firewall}/filter", action="reject", src_address_list=f"linecard-{access}")
        router.rule(f"{firewall}/mangle", action="mark-packet", dst_address_list="linecard-slow")
        router.rule(f"{firewall}/nat", chain="dstnat", action="dst-nat", src_address_list="linecard-notice")
    return router


def line_of(number: int, *addresses: str) -> LineAccess:
    return LineAccess(number, addresses or (f"10.0.{number // 250}.{number % 250}",))


def applied(outcomes: Mapping[int, Outcome]) -> dict[int, Access | None]:
    return {line_id: outcome.applied for line_id, outcome in outcomes.items()}
