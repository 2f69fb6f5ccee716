"""How gunicorn serves the product: `gunicorn -c python:linecard.gunicorn_conf webapp.wsgi:app`.

Threads, because an open live stream holds one and costs little; every stream must end soon after the worker
is asked to stop, or it would hold the stop until `graceful_timeout`.
"""

import ctypes
import signal
import sys
import threading
import time
from typing import Any

from core import settings as settings_of

_settings = settings_of.load()
_host = f"[{_settings.web.host}]" if ":" in _settings.web.host else _settings.web.host

bind = f"{_host}:{_settings.web.port}"
worker_class = "gthread"
workers = _settings.web.workers
threads = _settings.web.threads
worker_connections = _settings.web.threads + 64  # beyond it gunicorn refuses even the quick pages
graceful_timeout = 8
timeout = 60
keepalive = 15
# Loaded once and forked: nothing of the application is open before its first request.
preload_app = True
control_socket_disable = True
forwarded_allow_ips = "*" if _settings.web.trusted_proxies else "127.0.0.1"
errorlog = "-"
loglevel = _settings.logs.level
proc_name = "linecard-web"

STOPPING = "linecard.is_stopping"


def post_fork(_server: Any, _worker: Any) -> None:
    """End with the master, however it ends (prctl(2), PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)


def post_worker_init(worker: Any) -> None:
    """Tell open streams when the worker is asked to stop: they look at the event and end themselves."""
    app = worker.app.callable
    stopping = app.extensions.setdefault(STOPPING, threading.Event())

    def follow() -> None:
        while worker.alive:
            time.sleep(0.2)
        stopping.set()

    threading.Thread(target=follow, name="stop-watcher", daemon=True).start()
