"""Ranges of bytes of one file on the hub: resumed when the connection drops, checked, explained.

`huggingface_hub` supplies the client, the endpoint, the token and the meaning of the hub's answers.
The client drops the token when a redirect leads to another host. It is httpx in versions 1 and
httpx2 in versions 2, so that nothing here names either: errors are those the hub's package knows.
"""

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from huggingface_hub import constants, get_session, get_token, hf_hub_url, hf_raise_for_status
from huggingface_hub.errors import (
    DisabledRepoError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import build_hf_headers

from lowrank.errors import SourceError
from lowrank.language import gettext as _
from lowrank.readers.default_model import Progress

TIMEOUT = (10, 30, 30, 30)  # seconds to connect, read, write, and be given a connection
TRIES = 5  # in a row without a single new byte
COMMIT = re.compile(r"[0-9a-f]{40}")
BUSY = {408, 429, 500, 502, 503, 504}


class Failed(SourceError):
    """A request that got no further; its text is already a sentence for people."""


@dataclass
class RemoteFile:
    """One file of one commit of a repository; `total` is its size, known after the first range."""

    repo: str
    revision: str
    name: str
    total: int = -1
    etag: str = field(default="", repr=False)

    @property
    def is_final(self) -> bool:
        """Whether the revision is a commit, which never changes, and not a branch or a tag."""
        return bool(COMMIT.fullmatch(self.revision))

    @property
    def version(self) -> str:
        """What names the content: the commit; elsewhere the revision and the ETag last answered."""
        return self.revision if self.is_final else f"{self.revision} {self.etag}"

    def read(self, start: int, end: int, progress: Progress | None = None) -> bytes:
        """The bytes from `start` up to `end`, or to the end of the file if that comes first.

        Raises SourceError saying what to do: gated, missing, unreachable, no support for ranges.
        """
        got, failures = bytearray(), 0
        while len(got) < end - start:
            before = len(got)
            try:
                self.stream(start + before, end, got, progress)
                break
            except (HfHubHTTPError, OfflineModeIsEnabled) as error:
                raise SourceError(explained(error, self.repo, self.revision)) from error
            except (HTTPError, Busy, Cut) as error:
                failures = 0 if len(got) > before else failures + 1
                if failures == TRIES:
                    raise SourceError(explained(error, self.repo, self.revision)) from error
                time.sleep(0.1 * 2**failures)
        return bytes(got)

    def stream(self, start: int, end: int, got: bytearray, progress: Progress | None) -> None:
        """Append the range to `got` as it arrives, in one request."""
        wanted = len(got) + end - start
        headers = build_hf_headers(library_name="lowrank")
        headers |= {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}
        url = hf_hub_url(self.repo, self.name, revision=self.revision, endpoint=constants.ENDPOINT)
        with get_session().stream("GET", url, headers=headers, timeout=TIMEOUT) as response:
            if response.status_code in BUSY:
                raise Busy(response.status_code)
            if response.status_code == 416:
                raise Failed(
                    "{name} of {repo} is shorter than its header says.",
                    name=self.name,
                    repo=self.repo,
                )
            hf_raise_for_status(response)
            if response.status_code != 206:
                raise Failed(
                    "The server at {host} does not send parts of a file (it answered {status} "
                    "to a range request). Download {repo} whole and open its folder, or name "
                    "another mirror in HF_ENDPOINT.",
                    host=response.url.host,
                    status=response.status_code,
                    repo=self.repo,
                )
            end = self.agreed(response, start, end)
            for chunk in response.iter_bytes():
                room = end - start
                got += chunk[:room]
                start += min(len(chunk), room)
                if progress:
                    progress(len(got), wanted)
            if start < end:
                raise Cut(_("the answer was cut short"))

    def agreed(self, response: Any, start: int, end: int) -> int:
        """Where the answered range ends, if it is the one asked for, of the same file as before."""
        said = response.headers.get("Content-Range", "")
        unit, _space, rest = said.partition(" ")
        span, _slash, total = rest.partition("/")
        first, _dash, last = span.partition("-")
        sound = unit == "bytes" and all(part.isdecimal() for part in (first, last, total))
        wanted = sound and (int(first), int(last)) == (start, min(end, int(total)) - 1)
        if not wanted:
            raise Failed(
                "The server answered {said!r} when asked for {start}-{end}.",
                said=said[:80],
                start=start,
                end=end - 1,
            )
        etag = response.headers.get("ETag", "")
        if self.total not in (-1, int(total)) or (self.etag and etag and etag != self.etag):
            raise Failed(
                "{name} of {repo} changed while it was read; open it again.",
                name=self.name,
                repo=self.repo,
            )
        # Where no ETag tells versions apart, what is kept of this one is nobody else's.
        self.total, self.etag = int(total), etag or self.etag or secrets.token_hex(16)
        return int(last) + 1


class Cut(Exception):
    """The answer ended before its end."""


class Busy(Exception):
    """The server asks to come back later."""

    def __init__(self, status: int) -> None:
        super().__init__(_("the server answered {status}").format(status=status))


def explained(error: Exception, repo: str, revision: str) -> str:
    """One sentence for a failed request to the hub: what is wrong, and what to do."""
    hub, has_token = constants.ENDPOINT, bool(get_token())
    status = getattr(getattr(error, "response", None), "status_code", 0)
    cause = error.__cause__ if isinstance(error, LocalEntryNotFoundError) else error
    match error:
        case GatedRepoError() if has_token:
            said = _(
                "{repo} is gated. Your token (HF_TOKEN) is not allowed it: accept its terms at "
                "{page}, then set HF_TOKEN to a token of that account."
            )
        case GatedRepoError():
            said = _(
                "{repo} is gated. There is no token: accept its terms at {page}, then set HF_TOKEN "
                "to a token of that account."
            )
        case DisabledRepoError():
            said = _("{repo} has been disabled by the hub; see {page}.")
        case RepositoryNotFoundError() if has_token:
            said = _(
                "{repo} is not on the hub at {hub}, or is private. Your token (HF_TOKEN) is not "
                "allowed it: check the spelling, owner/name, and for a private model set HF_TOKEN."
            )
        case RepositoryNotFoundError():
            said = _(
                "{repo} is not on the hub at {hub}, or is private. There is no token: check the "
                "spelling, owner/name, and for a private model set HF_TOKEN."
            )
        case RevisionNotFoundError():
            said = _(
                "{repo} has no revision {revision!r}; a branch, a tag or a commit is expected."
            )
        case LocalEntryNotFoundError() | OfflineModeIsEnabled() if offline():
            said = _(
                "{repo} at revision {revision} is not kept here in full, and HF_HUB_OFFLINE is "
                "set: unset it, or open what is missing once with a network."
            )
        case EntryNotFoundError() if not isinstance(error, LocalEntryNotFoundError):
            said = _("{repo} at revision {revision} lacks a file that it should have: {cause}")
        case HfHubHTTPError() if status in (401, 403) and has_token:
            said = _(
                "The hub answered {status} for {repo}: the token is not accepted. Set HF_TOKEN to "
                "a valid one of an account that may read {page}."
            )
        case HfHubHTTPError() if status in (401, 403):
            said = _(
                "The hub answered {status} for {repo}: the token is missing. Set HF_TOKEN to "
                "a valid one of an account that may read {page}."
            )
        case HfHubHTTPError():
            said = _("The hub answered {status} for {repo} at revision {revision}.")
        case Busy():
            said = _("The hub is busy ({cause}); try {repo} again in a minute.")
        case _ if isinstance(cause, HfHubHTTPError):
            return explained(cause, repo, revision)
        case _:
            said = _(
                "{repo} cannot be had from {hub}: is there a network? HF_ENDPOINT can name "
                "a mirror. The client said: {cause}"
            )
    return said.format(
        repo=repo,
        revision=revision,
        hub=hub,
        page=f"{hub}/{repo}",
        status=status,
        cause=last_line(cause or error),
    )


def offline() -> bool:
    """Whether the hub's client is told to stay off the network (HF_HUB_OFFLINE)."""
    return bool(constants.HF_HUB_OFFLINE)


def last_line(error: BaseException) -> str:
    """The last line of what an exception says, shortened."""
    lines = str(error).strip().splitlines()
    return (lines[-1] if lines else type(error).__name__)[:200]
