"""A class on several processes: the app some times over, and a proxy that keeps visitors apart.

A session lives in one process. The proxy, HAProxy or Caddy, remembers by a cookie which one, asks
each whether it is well, and sends the visitors of one that has ended to another, where the address
of each page brings back what was seen on it. What has ended is started again.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lowrank.errors import InputError, SourceError

HEALTH = "/_stcore/health"
UPLOAD_MB = 200  # as in .streamlit/config.toml
MOST_WORKERS = 64
SERVER, LOOK = "127.0.0.1", 1.0  # where the processes listen; seconds between two looks at them

HAPROXY = """\
global
  maxconn 8192
defaults
  mode http
  option redispatch
  retries 3
  timeout connect 5s
  timeout http-request 30s
  timeout client 10m
  timeout server 10m
  timeout tunnel 12h
frontend class
  bind :{port}
  http-request deny deny_status 413 if {{ req.hdr_val(content-length) gt {bytes} }}
  default_backend processes
backend processes
  balance leastconn
  cookie lowrank insert indirect nocache httponly attr SameSite=Lax
  option httpchk GET {health}
  default-server check inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
"""
CADDY = """\
{{
  admin off
  auto_https off
}}
:{port} {{
  request_body {{
    max_size {megabytes}MB
  }}
  reverse_proxy {processes} {{
    lb_policy cookie lowrank {secret}
    lb_try_duration 10s
    health_uri {health}
    health_interval 1s
    fail_duration 2s
  }}
}}
"""


def haproxy(port: int, ports: Sequence[int]) -> str:
    """HAProxy's configuration: a cookie a process, its health, and what may be uploaded."""
    head = HAPROXY.format(port=port, health=HEALTH, bytes=UPLOAD_MB * 2**20)
    servers = [f"  server p{each} {SERVER}:{each} cookie p{each}\n" for each in ports]
    return head + "".join(servers)


def caddy(port: int, ports: Sequence[int]) -> str:
    """The same for Caddy, whose cookie holds a digest made with a secret."""
    processes = " ".join(f"{SERVER}:{each}" for each in ports)
    secret = secrets.token_hex(16)
    return CADDY.format(
        port=port, processes=processes, secret=secret, health=HEALTH, megabytes=UPLOAD_MB
    )


# Each proxy: how it writes its configuration, and its command for a file with one.
PROXIES: dict[str, tuple[Callable[[int, Sequence[int]], str], tuple[str, ...]]] = {
    "haproxy": (haproxy, ("-db", "-f")),
    "caddy": (caddy, ("run", "--adapter", "caddyfile", "--config")),
}


def proxy_found() -> tuple[str, str]:
    """The name and the path of a proxy of this machine. Raises SourceError if there is none."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    for name in PROXIES:
        found = shutil.which(name, path=path)
        if found:
            return name, found
    raise SourceError(
        "A class on several processes needs HAProxy or Caddy in front of them. "
        "On Debian: apt install haproxy. One process needs neither: lowrank app."
    )


def serve(app: Callable[[int], Sequence[str]], port: int, workers: int) -> None:
    """Serve the app from so many processes until this one is told to end; `app` is its command.

    Raises InputError for a number of processes out of range, SourceError if there is no proxy or
    it ends, as where the port is taken.
    """
    if not 1 <= workers <= MOST_WORKERS:
        raise InputError(
            "--workers is {workers}; expected 1 to {most}.", workers=workers, most=MOST_WORKERS
        )
    name, path = proxy_found()
    written, options = PROXIES[name]
    ports = free_ports(workers)
    environment = {**os.environ, "STREAMLIT_SERVER_COOKIE_SECRET": secrets.token_hex(32)}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that what was started ends, too
    with tempfile.TemporaryDirectory() as folder, started() as running:
        for each in ports:
            running[each] = subprocess.Popen(app(each), env=environment)
        wait_for(ports[0], running[ports[0]])
        config = Path(folder) / name
        config.write_text(written(port, ports), encoding="utf-8")
        proxy = running[port] = subprocess.Popen([path, *options, str(config)])
        print(f"{workers} processes behind {name}: http://localhost:{port}", flush=True)
        while proxy.poll() is None:
            for each in ports:
                if running[each].poll() is not None:
                    print(f"The process at port {each} has ended; another begins.", flush=True)
                    running[each] = subprocess.Popen(app(each), env=environment)
            time.sleep(LOOK)
    raise SourceError("{name} has ended: is port {port} taken?", name=name, port=port)


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens at."""
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind((SERVER, 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


@contextmanager
def started() -> Iterator[dict[int, "subprocess.Popen[bytes]"]]:
    """What is started inside, by port; all of it is ended at the end."""
    running: dict[int, subprocess.Popen[bytes]] = {}
    try:
        yield running
    finally:
        for each in running.values():
            each.terminate()
        for each in running.values():
            try:
                each.wait(10)
            except subprocess.TimeoutExpired:
                each.kill()


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Until the app answers there. Raises SourceError if its process ends before."""
    while process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{SERVER}:{port}{HEALTH}", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise SourceError("The app did not start: its process has ended.")
