"""A POP of the chaos: a worker in a box behind a wire, and a gateway that only this worker reaches."""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from bench.net import ground
from linecard import programs
from tests.product import ROOT, Product


@dataclass
class Post:
    """A POP: `gateway` and `box` are network namespaces, `folder` is where its worker's log lies."""

    code: str
    gateway: str
    box: str
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    worker: subprocess.Popen[bytes] | None = None

    @property
    def program(self) -> Path:
        """How nft is called on the gateway: by whoever is not this POP's worker it is never reached."""
        return self.folder / f"nft-{self.code}"

    def build(self) -> None:
        """Write the program."""
        network = Path(f"/run/netns/{self.box}").stat().st_ino
        self.program.write_text(
            f'#!/bin/sh\n[ "$(readlink /proc/$PPID/ns/net)" = "net:[{network}]" ] || exec sleep 30\n'
            'exec nft "$@"\n'
        )
        self.program.chmod(0o755)

    def start_worker(self, product: Product) -> None:
        """Start the POP's own worker in its box; it reaches database and queue through the wire alone."""
        found = product.settings
        there = found.diagnostics.model_copy(update={"pop": self.code, "probe_threads": 8})
        own = found.model_copy(update={"diagnostics": there})
        program = programs.worker(own, programs.PROBE, ("ip", "netns", "exec", self.box))
        with (self.folder / f"{self.code}.log").open("ab") as output:
            self.worker = subprocess.Popen(
                program.argv,
                env={**self.environ, **program.env, "LINECARD_DIAGNOSTICS__POP": self.code},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def kill_worker(self) -> None:
        """Kill it and all its children with SIGKILL."""
        if self.worker is not None:
            os.killpg(self.worker.pid, signal.SIGKILL)
            self.worker.wait()
            self.worker = None

    def cut_wire(self) -> None:
        """Drop every packet of the box, in and out."""
        rules = "".join(
            f"add chain inet chaos {hook} {{ type filter hook {hook} priority -300; policy drop; }}\n"
            for hook in ("input", "output")
        )
        words = ["ip", "netns", "exec", self.box, "nft", "-f", "-"]
        subprocess.run(words, input=f"add table inet chaos\n{rules}", text=True, check=True, timeout=20)

    def mend_wire(self) -> None:
        """Let them pass again."""
        words = ["ip", "netns", "exec", self.box, "nft", "delete", "table", "inet", "chaos"]
        subprocess.run(words, check=True, timeout=20)


@contextmanager
def wired(box: str, product: Product, number: int) -> Iterator[dict[str, str]]:
    """Join the box to this machine and let it reach the product's two sockets there; yields its settings."""
    inner, outer = f"{box}i", f"{box}o"
    net = f"10.99.{(os.getpid() + number) % 250}"
    ground.ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", box)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    doors: list[asyncio.Server] = []
    try:
        ground.ip("addr", "add", f"{net}.1/30", "dev", outer)
        ground.ip("link", "set", outer, "up")
        ground.ip("-n", box, "addr", "add", f"{net}.2/30", "dev", inner)
        ground.ip("-n", box, "link", "set", inner, "up")
        thread.start()
        data = product.settings.data
        assert data.database_url is not None
        assert data.queue_url is not None
        base, queue = urlsplit(data.database_url.get_secret_value()), data.queue_url.get_secret_value()
        sockets = parse_qs(base.query)
        place = f"{sockets['host'][0]}/.s.PGSQL.{sockets.get('port', ['5432'])[0]}"
        for port, path in ((15432, place), (16379, urlsplit(queue).path)):
            doors.append(asyncio.run_coroutine_threadsafe(_relay(f"{net}.1", port, path), loop).result(10))
        user = sockets.get("user", [base.username or "linecard"])[0]
        number = parse_qs(urlsplit(queue).query).get("db", ["0"])[0]
        yield {
            **product.environ,
            "LINECARD_DATA__DATABASE_URL": f"postgresql://{user}@{net}.1:15432{base.path}",
            "LINECARD_DATA__QUEUE_URL": f"redis://{net}.1:16379/{number}",
        }
    finally:
        for door in doors:
            loop.call_soon_threadsafe(door.close)
        asyncio.run_coroutine_threadsafe(_end_all(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        subprocess.run(["ip", "link", "del", outer], check=False, capture_output=True)


async def _end_all() -> None:
    """Cancel every connection that is passed on."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _relay(host: str, port: int, path: str) -> asyncio.Server:
    """Pass every connection on to a unix socket."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while words := await reader.read(65_536):
                writer.write(words)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_unix_connection(path)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pipe(reader, back), pipe(there, writer))

    return await asyncio.start_server(accept, host, port)
