"""A small model hub on 127.0.0.1: the HTTP that `huggingface_hub` speaks, with faults on request.

Files of 1 kB or more are answered with a redirect to a second host, as the hub sends its clients
to a content-delivery network. Every request and every byte of a body is written down.
"""

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = hashlib.sha1(b"the only commit").hexdigest()
LARGE = 1000  # bytes from which a file is kept on the second host
RESOLVE = re.compile(r"/([\w.-]+/[\w.-]+)/resolve/([\w.%-]+)/([\w./-]+)")
API = re.compile(r"/api/models/([\w.-]+/[\w.-]+)/(?:revision|tree)/([\w.%-]+)")


@dataclass(frozen=True)
class Request:
    """What one request asked for, and how many bytes of body it was sent."""

    host: str
    method: str
    path: str
    range: str
    authorization: str
    sent: int


@dataclass
class Hub:
    """The state of the hub: what it holds, how it misbehaves, what it was asked."""

    repos: dict[str, dict[str, bytes | memoryview]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)  # those that may read what is gated
    refuse_tokens: bool = False  # 401 for any token that is not in `tokens`
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)  # bytes after which a next body is cut
    busy: list[int] = field(default_factory=list)  # statuses of the next large answers
    shift: int = 0  # answer with other bytes than were asked for
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    files_url: str = ""

    def sent(self) -> int:
        """Bytes of all bodies so far."""
        return sum(request.sent for request in self.requests)

    def __enter__(self) -> "Hub":
        self._servers = [
            ThreadingHTTPServer(("127.0.0.1", 0), type(name, (Handler,), {"hub": self}))
            for name in ("front", "files")
        ]
        for server in self._servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.url, self.files_url = (
            f"http://{host}:{server.server_port}"
            for host, server in zip(("127.0.0.1", "localhost"), self._servers, strict=True)
        )
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


class Handler(BaseHTTPRequestHandler):
    """Both hosts: the front answers /owner/name/resolve/… and /api/…, the other one /files/…."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing on the console."""

    def do_HEAD(self) -> None:
        """A request for headers alone."""
        self.answer()

    def do_GET(self) -> None:
        """A request for a file, or part of it."""
        self.answer()

    def answer(self) -> None:
        """Find out what is asked for and send it."""
        if self.path.startswith("/files/"):
            repo, _, name = self.path.removeprefix("/files/").partition("//")
            return self.send_file(self.hub.repos[repo][name])
        if found := RESOLVE.fullmatch(self.path.partition("?")[0]):
            return self.resolve(*found.groups())
        if found := API.match(self.path):
            if self.refused(found[1], found[2]):
                return None
            held = self.hub.repos[found[1]].items()
            tree = [
                {"type": "file", "path": name, "size": len(data), "oid": etag(data)}
                for name, data in held
            ]
            known = {"id": found[1], "sha": COMMIT}
            known["siblings"] = [{"rfilename": each["path"]} for each in tree]
            return self.send(200, json.dumps(tree if "/tree/" in self.path else known).encode())
        return self.send(404)

    def refused(self, repo: str, revision: str) -> bool:
        """Whether the visitor may not have this repository, once told so."""
        hub = self.hub
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and hub.refuse_tokens and token not in hub.tokens:
            said = "Invalid credentials in Authorization header"
            self.send(401, headers={"X-Error-Message": said})
        elif repo not in hub.repos:
            self.send(404 if token else 401, headers={"X-Error-Code": "RepoNotFound"})
        elif revision not in ("main", COMMIT):
            self.send(404, headers={"X-Error-Code": "RevisionNotFound"})
        elif repo in hub.gated and token not in hub.tokens:
            self.send(403 if token else 401, headers={"X-Error-Code": "GatedRepo"})
        else:
            return False
        return True

    def resolve(self, repo: str, revision: str, name: str) -> None:
        """A file of a repository: sent here if it is small, else at the other host."""
        if self.refused(repo, revision):
            return None
        known = {"X-Repo-Commit": COMMIT}
        data = self.hub.repos[repo].get(name)
        if data is None:
            return self.send(404, headers={**known, "X-Error-Code": "EntryNotFound"})
        if len(data) < LARGE:
            return self.send_file(data, known)
        known |= {"X-Linked-Size": str(len(data)), "X-Linked-Etag": etag(data)}
        return self.send(
            302, headers={**known, "Location": f"{self.hub.files_url}/files/{repo}//{name}"}
        )

    def send_file(self, data: bytes | memoryview, known: dict[str, str] | None = None) -> None:
        """A file, or the range of it that was asked for."""
        hub, headers = self.hub, {**(known or {}), "ETag": etag(data)}
        if hub.busy and len(data) >= LARGE:
            return self.send(hub.busy.pop(0))
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not asked or not hub.ranges:
            return self.send(200, data, headers)
        first, last = int(asked[1]), min(int(asked[2]), len(data) - 1)
        if first >= len(data):
            return self.send(416, headers={"Content-Range": f"bytes */{len(data)}"})
        first, last = first + hub.shift, last + hub.shift
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        return self.send(206, data[first : last + 1], headers)

    def send(
        self, status: int, body: bytes | memoryview = b"", headers: dict[str, str] | None = None
    ) -> None:
        """An answer, which may be cut short; written down once it is over."""
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        body = b"" if self.command == "HEAD" else body
        whole = len(body)
        if status == 206 and self.hub.cut_after:
            body = body[: self.hub.cut_after.pop(0)]
        asked = (self.headers.get(key, "") for key in ("Range", "Authorization"))
        host = self.headers.get("Host", "")
        self.hub.requests.append(Request(host, self.command, self.path, *asked, len(body)))
        self.wfile.write(body)
        if len(body) < whole:
            self.close_connection = True


def etag(data: bytes | memoryview) -> str:
    """A strong entity tag for these bytes, told by their length and first megabyte."""
    told = len(data).to_bytes(8, "little") + bytes(data[: 1 << 20])
    return f'"{hashlib.sha256(told).hexdigest()}"'
