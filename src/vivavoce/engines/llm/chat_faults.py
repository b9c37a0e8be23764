"""Say in one short line, fit for a client's eyes, what a chat backend did wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping

import openai

from vivavoce.engines.ports import EngineFault

_LONGEST_QUOTE = 200
_KEY_LIKE = re.compile(r"\b(?:sk|pk|gsk|xai|hf|ek)[-_][\w*.-]{6,}")
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "credit_balance_exhausted", "account_deactivated"})


def fault_of(error: openai.APIError, *, secret: str | None = None) -> EngineFault:
    """Turn an error of the client library into an `EngineFault`.

    Args:
        error: what the library raised: a status, an error event in the stream, a lost connection or a time-out.
        secret: the API key, blanked should the backend quote it.

    Returns:
        A fault whose code is `rate_limit_exceeded`, `insufficient_quota` or `server_error`.
    """
    if isinstance(error, openai.APITimeoutError):
        return EngineFault("the language model's server did not answer in time")
    if isinstance(error, openai.APIConnectionError):
        return EngineFault("the language model's server cannot be reached")
    quote = _quotation(complaint_of(error), secret)
    status = error.status_code if isinstance(error, openai.APIStatusError) else None
    if status in (401, 403):  # the backend's own words quote the key
        return EngineFault("the language model's server refused the API key", temporary=False)
    if status == 402 or {error.code, error.type} & _QUOTA_CODES:
        return EngineFault(f"the language model's quota is used up{quote}", code="insufficient_quota", temporary=False)
    if status == 429 or "rate_limit_exceeded" in (error.code, error.type):
        return EngineFault(f"the language model's rate limit is reached{quote}", code="rate_limit_exceeded")
    if status is None:
        return EngineFault(f"the language model's server reported an error{quote}")
    if status == 404:
        return EngineFault(f"the language model or its address does not exist (HTTP 404){quote}", temporary=False)
    if status < 500:
        return EngineFault(f"the language model's server refused the request (HTTP {status}){quote}", temporary=status == 408)
    return EngineFault(f"the language model's server failed (HTTP {status}){quote}")


def complaint_of(error: openai.APIError) -> str:
    """Return the backend's own words: OpenAI's `message`, FastAPI's `detail`, or the whole body as text."""
    body = error.body
    if isinstance(body, Mapping):
        for name in ("message", "detail"):
            if body.get(name):
                return str(body[name])
        return str(dict(body)) if body else ""
    if isinstance(body, str):
        return "" if body.lstrip().startswith("<") else body  # an HTML page of some proxy says nothing to a listener
    return error.message if not isinstance(error, openai.APIStatusError) else ""


def _quotation(text: str, secret: str | None) -> str:
    """Return `: text`, short, on one line and without keys; nothing for no text."""
    if secret:
        text = text.replace(secret, "***")
    text = _KEY_LIKE.sub("***", " ".join(text.split()))
    if len(text) > _LONGEST_QUOTE:
        text = text[: _LONGEST_QUOTE - 1].rstrip() + "…"
    return f": {text}" if text else ""
