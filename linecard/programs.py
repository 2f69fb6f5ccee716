"""The product's own processes: what `linecard up` runs beside the servers, and systemd runs in production."""

import os
import signal
import sys
from collections.abc import Sequence

from core.settings import Settings
from linecard.children import Program

WEB, GARDEN, PROBE, WORK, BEAT, DEMO = "web", "garden", "probe", "work", "beat", "demo"
# A job in hand when we are asked to stop has this long to finish; then the database rows bring it back.
JOB_S = 30.0
# Celery's advice against root is not for us: the jobs are JSON, and lab and gates need root's rights.
_QUIET = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges"}


def web() -> Program:
    """Return the web server; its settings are read by linecard.gunicorn_conf."""
    argv = _python("-m", "gunicorn", "-c", "python:linecard.gunicorn_conf", "webapp.wsgi:app")
    return Program(WEB, argv, stop_s=12.0)


def garden(settings: Settings) -> Program:
    """Return the server of the page for customers who are cut or warned (webapp.garden)."""
    own = settings.garden
    host = f"[{own.host}]" if ":" in own.host else own.host
    how = ("-b", f"{host}:{own.port}", "-k", "gthread", "--threads", str(own.threads), "--keep-alive", "1")
    words = ("--no-control-socket", "--log-level", settings.logs.level, "-n", "linecard-garden")
    return Program(GARDEN, _python("-m", "gunicorn", *how, *words, "webapp.garden.app:serve()"), stop_s=12.0)


def worker(settings: Settings, kind: str, prefix: Sequence[str] = ()) -> Program:
    """Return a worker: `probe` puts packets on the wire (threads), `work` does all else (processes)."""
    found = settings.diagnostics
    if kind == PROBE:
        queues = f"probe.{found.pop},gate.{found.pop}"
        how = ("-Q", queues, "-P", "threads", "-c", str(found.probe_threads), "-n", f"probe.{found.pop}@%h")
    else:
        how = ("-Q", "work", "-P", "prefork", "-c", "2", "-n", "work@%h")
    argv = (*prefix, *_celery("worker"), *how, "--without-gossip", "--without-mingle", *_level(settings))
    return Program(kind, argv, env=_QUIET, stop_s=JOB_S, orphan_signal=signal.SIGKILL)


def beat(settings: Settings) -> Program:
    """Return the timetable's clock; two of them in two places still tick once (RedBeat's lock)."""
    argv = (*_celery("beat"), "-S", "tasks.timetable:Timetable", "--pidfile=", *_level(settings))
    return Program(BEAT, argv)


def demo_agents(prefix: Sequence[str] = ()) -> Program:
    """Return the program that answers as the demo ISP's devices."""
    return Program(DEMO, (*prefix, *_python("-m", "linecard.demo.agents")))


def command(name: str, *words: str) -> Program:
    """Return one of our own commands, to be run to its end."""
    return Program(name, _python("-m", "linecard", *words))


def _python(*words: str) -> tuple[str, ...]:
    return (sys.executable, *words)


def _celery(*words: str) -> tuple[str, ...]:
    return _python("-m", "celery", "-A", "tasks.worker", "--quiet", "--skip-checks", *words)


def _level(settings: Settings) -> tuple[str, ...]:
    return ("-l", settings.logs.level)


def become(program: Program) -> None:
    """Replace this process by the program: for `linecard worker` and `linecard beat` under systemd."""
    os.execvpe(program.argv[0], program.argv, {**os.environ, **program.env})  # noqa: S606
