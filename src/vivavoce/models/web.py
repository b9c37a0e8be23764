"""Download a file over HTTP, and go on where an earlier attempt stopped."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from vivavoce.models.errors import StoreError

ATTEMPTS = 4
"""Times a broken connection is taken up again before the user is asked to."""

BACKOFF_S = 0.5
"""Pause after the first broken connection; twice as long after each further one."""

_CHUNK_BYTES = 1 << 18
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_TEMPORARY = frozenset({408, 429, 500, 502, 503, 504})


class _Again(Exception):
    """The server cannot serve right now, or not from where we stopped."""


def download(url: str, part: Path, *, size: int, token: str = "", on_bytes: Callable[[int], None]) -> None:
    """Download into `part`, which may hold the beginning already.

    Args:
        url: what to get; redirects are followed.
        part: the file to write; kept when the download breaks off.
        size: the file's expected length in bytes; not a byte more is taken.
        token: bearer token for the first host, if any.
        on_bytes: called with the bytes in `part` after every chunk.

    Raises:
        StoreError: the server refused, or the connection broke too often.
    """
    headers = {"accept-encoding": "identity"} | ({"authorization": f"Bearer {token}"} if token else {})
    reason = ""
    with httpx.Client(follow_redirects=True, timeout=_TIMEOUT, headers=headers) as client:
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(BACKOFF_S * 2 ** (attempt - 1))
            try:
                return _continue(client, url, part, size, on_bytes)
            except (httpx.InvalidURL, httpx.UnsupportedProtocol) as fault:
                raise StoreError(f"{url} cannot be downloaded: {fault}", "Check the address and HF_ENDPOINT") from fault
            except (httpx.HTTPError, _Again) as fault:
                reason = str(fault) or type(fault).__name__
    have = part.stat().st_size if part.exists() else 0
    raise StoreError(
        f"The download of {url} broke off at {have} of {size} bytes: {reason}",
        "Run the same command again, it goes on where it stopped",
    )


def _continue(client: httpx.Client, url: str, part: Path, size: int, on_bytes: Callable[[int], None]) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have and have >= size:
        return
    with client.stream("GET", url, headers={"range": f"bytes={have}-"} if have else {}) as response:
        if response.status_code == 416 or (response.status_code == 206 and not _starts_at(response, have)):
            part.unlink(missing_ok=True)
            raise _Again("the server could not go on where the download had stopped")
        if response.status_code in _TEMPORARY:
            raise _Again(f"the server answered {response.status_code}")
        if response.is_error:
            raise StoreError(
                f"{url} answered {response.status_code} {response.reason_phrase}".rstrip(), _way_out(response.status_code)
            )
        done = have if response.status_code == 206 else 0
        with part.open("ab" if done else "wb") as file:
            for chunk in response.iter_bytes(_CHUNK_BYTES):
                done += len(chunk)
                if done > size:
                    part.unlink()
                    raise StoreError(
                        f"{url} is longer than the {size} bytes it should have", "Nothing was installed; ask its publisher"
                    )
                file.write(chunk)
                on_bytes(done)


def _starts_at(response: httpx.Response, position: int) -> bool:
    served: str = response.headers.get("content-range", "")
    return served.startswith(f"bytes {position}-")


def _way_out(status: int) -> str:
    if status in (401, 403):
        return (
            "Accept its terms on the hub and set HF_TOKEN" if not os.environ.get("HF_TOKEN") else "Check what HF_TOKEN may read"
        )
    return "Check the source's address, or set HF_ENDPOINT to a hub that has it"
