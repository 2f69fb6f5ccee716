"""`python -m linecard.demo.agents [PORT]`: one process answers SNMP for the demo, and ICMP in the pocket."""

import contextlib
import os
import selectors
import signal
import socket
import sys
import time
from types import FrameType

from linecard.demo import gear, mibs, plan, pocket
from linecard.demo.echo import Echo
from netdiag.snmp import agent, message, usm

WRITE_COMMUNITY = "demo-write"


class DemoAgent(agent.Agent):
    """A device's agent, served by a selector instead of a thread of its own."""

    def __init__(self, isp: plan.Plan, device: gear.Device, port: int = gear.SNMP_PORT) -> None:
        assert device.address is not None
        assert device.snmp is not None
        values = mibs.of_device(isp, device, self.is_switched_on)
        snmp = device.snmp
        is_v3 = snmp.version == "3"
        user = usm.User(snmp.user, snmp.auth_protocol, snmp.auth_key, snmp.priv_protocol, snmp.priv_key)
        super().__init__(
            values,
            address=(device.address, port),
            community=snmp.community,
            write_community=None if is_v3 else WRITE_COMMUNITY,
            users=[user] if is_v3 else [],
            writable=mibs.writable(values),
        )
        self.is_v3 = is_v3
        self.is_deaf = device.answers == "silent"
        self._socket.setblocking(False)
        with contextlib.suppress(OSError):  # not allowed outside the pocket, and not needed there
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, pocket.MARK)

    def is_switched_on(self, if_index: int) -> bool:
        """Return whether a port's ifAdminStatus is up."""
        oid = tuple(int(part) for part in f"{mibs.ADMIN}.{if_index}".split("."))
        return int(self.state.values.get(oid, 1)) == 1

    def fileno(self) -> int:
        """Return the socket, for a selector."""
        return self._socket.fileno()

    def answer(self, wire: bytes) -> bytes | None:
        """Return the answer to one message; None from a deaf device, or to another version."""
        with contextlib.suppress(message.Garbage):
            if not self.is_deaf and (message.version_number(wire) == 3) is self.is_v3:
                return super().answer(wire)
        return None

    def serve_waiting(self) -> None:
        """Answer every message that has come."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                wire, sender = self._socket.recvfrom(65_535)
                answer = self.answer(wire)
                if answer:
                    self._socket.sendto(answer, sender)


def open_agents(isp: plan.Plan, port: int = gear.SNMP_PORT) -> list[DemoAgent]:
    """Bind an agent for every device that is not closed; raises OSError naming the address that is taken."""
    opened: list[DemoAgent] = []
    for device in isp.agents():
        if device.answers == "closed":
            continue
        try:
            opened.append(DemoAgent(isp, device, port))
        except OSError as error:
            for each in opened:
                each.stop()
            raise OSError(error.errno, f"{device.address}:{port}: {error.strerror}") from error
    return opened


def serve(isp: plan.Plan, agents: list[DemoAgent], echo: Echo | None, *, until: float = float("inf")) -> None:
    """Answer until the monotonic time `until`, or until somebody raises."""
    with selectors.DefaultSelector() as selector:
        for each in agents:
            selector.register(each, selectors.EVENT_READ, each.serve_waiting)
        if echo:
            selector.register(echo, selectors.EVENT_READ, echo.receive)
        while time.monotonic() < until:
            due_s = echo.send_due() if echo else None
            left_s = until - time.monotonic()
            wait_s = min((part for part in (due_s, left_s) if part is not None), default=None)
            for key, _ in selector.select(None if wait_s == float("inf") else wait_s):
                key.data()


def main(arguments: list[str]) -> int:
    """Run until SIGTERM or Ctrl-C; returns the exit code. The seeder files the usual port: see gear."""
    port = int(arguments[0]) if arguments else gear.SNMP_PORT

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    isp = plan.build()
    try:
        agents = open_agents(isp, port)
    except OSError as error:
        print(f"The demo's devices cannot listen: {error.strerror}", file=sys.stderr)
        return 1
    echo = Echo(isp.connected) if os.environ.get(pocket.INSIDE) else None
    print(f"{len(agents)} SNMP agents listen on port {port}", file=sys.stderr)
    with contextlib.suppress(KeyboardInterrupt):
        serve(isp, agents, echo)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
