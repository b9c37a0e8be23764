"""Open a session through the official client, and say in one line why that did not work."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import openai
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import InvalidHandshake, InvalidStatus

from vivavoce.cli.errors import FAILED, Trouble


@asynccontextmanager
async def connected(address: str, model: str, api_key: str, *, intent: str = "") -> AsyncIterator[AsyncRealtimeConnection]:
    """Hold a connection to `/realtime`.

    Args:
        address: the server's base address, up to and including `/v1`.
        model: a public model name.
        api_key: the key; a server without keys takes any.
        intent: `transcription` for a session that only listens; its model is then set by its configuration.

    Raises:
        Trouble: nobody listens there, or the server refuses.
    """
    async with AsyncOpenAI(base_url=address, api_key=api_key, max_retries=0) as client:
        chosen = client.realtime.connect(extra_query={"intent": intent}) if intent else client.realtime.connect(model=model)
        with plain_refusals(address):
            connection = await chosen.enter()
        try:
            yield connection
        finally:
            await connection.close()


@contextmanager
def plain_refusals(address: str) -> Iterator[None]:
    """Say in one line why a session could not be opened.

    Raises:
        Trouble: it could not.
    """
    try:
        yield
    except InvalidStatus as refusal:
        raise Trouble(f"the server at {address} refuses: {_reason(refusal)}", FAILED) from refusal
    except ssl.SSLCertVerificationError as error:
        raise Trouble(f"the certificate of {address} is not trusted: set SSL_CERT_FILE to it (docs/tls.md)", FAILED) from error
    except (OSError, TimeoutError) as error:
        raise Trouble(f"no server answers at {address}: start one with `vivavoce serve`, or name another with --url") from error
    except (InvalidHandshake, openai.OpenAIError) as error:
        raise Trouble(f"{address} is no Realtime server: {error}", FAILED) from error


def _reason(refusal: InvalidStatus) -> str:
    response = refusal.response
    try:
        return str(json.loads(response.body or b"")["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code} {response.reason_phrase}".strip()
