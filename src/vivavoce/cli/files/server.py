"""A server reached by the official client, and in one line why that did not work."""

from __future__ import annotations

import importlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import openai
from openai import AsyncOpenAI

from vivavoce.cli.errors import FAILED, MISUSED, Trouble

_CONNECT_S: Final = 10.0
_MISUSES: Final = frozenset({400, 404, 413, 415, 422})


@asynccontextmanager
async def client_of(address: str, api_key: str) -> AsyncIterator[AsyncOpenAI]:
    """Hold a client of a server. It waits as long as the server works: an hour of speech takes its time.

    Args:
        address: the server's base address, up to and including `/v1`.
        api_key: the key.

    Raises:
        Trouble: nobody listens there, or the server refuses, or it broke off.
    """
    patience = openai.Timeout(None, connect=_CONNECT_S)
    async with AsyncOpenAI(base_url=address, api_key=api_key, max_retries=1, timeout=patience) as client:
        try:
            yield client
        except openai.APIConnectionError as error:
            raise _unreached(address, error) from error
        except openai.APIStatusError as error:
            code = MISUSED if error.status_code in _MISUSES else FAILED
            raise Trouble(f"the server at {address} refuses: {_reason(error)}", code) from error
        except openai.APIError as error:
            raise Trouble(f"the server at {address} broke off: {error.message}", FAILED) from error
        except _broken_lines() as error:
            raise Trouble(f"the server at {address} broke off: {str(error) or type(error).__name__}", FAILED) from error


def _broken_lines() -> tuple[type[Exception], ...]:
    """Return the errors of whatever HTTP library the client stands on: while an answer is being read, it lets them through."""
    packages = {base.__module__.partition(".")[0] for base in openai.DefaultAsyncHttpxClient.__mro__}
    libraries = [importlib.import_module(name) for name in packages if name.startswith("httpx")]
    return tuple(library.HTTPError for library in libraries)


def _unreached(address: str, error: openai.APIConnectionError) -> Trouble:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Trouble(f"the certificate of {address} is not trusted: set SSL_CERT_FILE to it (docs/tls.md)", FAILED)
        cause = cause.__cause__ or cause.__context__
    return Trouble(f"no server answers at {address}: start one with `vivavoce serve`, or leave out --url to do without", FAILED)


def _reason(error: openai.APIStatusError) -> str:
    body = error.body
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        return str(body["message"])
    return f"HTTP {error.status_code} {error.response.reason_phrase}".strip()
