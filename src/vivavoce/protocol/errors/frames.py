"""The frame and its fields: what is wrong with what a client sent."""

from __future__ import annotations

from typing import Final

from vivavoce.protocol.faults import ClientFault, figure, json_type, quoted

UNKNOWN: Final = "unknown_parameter"


def invalid_json(detail: str) -> ClientFault:
    """Return the fault of a frame that is not JSON."""
    return ClientFault(f"The frame is not valid JSON: {detail}.", "invalid_json")


def invalid_event(detail: str) -> ClientFault:
    """Return the fault of a frame that is no event: not an object, or without a `type`."""
    return ClientFault(detail, "invalid_event")


def unknown_event(got: str, supported: tuple[str, ...]) -> ClientFault:
    """Return the fault of an event type nobody knows."""
    names = ", ".join(f"'{name}'" for name in supported)
    return ClientFault(f"Invalid value: {quoted(got)}. Supported values are: {names}.", "invalid_value", "type")


def missing(param: str) -> ClientFault:
    """Return the fault of a required field that is absent."""
    return ClientFault(f"Missing required parameter: '{param}'.", "missing_required_parameter", param)


_LONGEST_NAME: Final = 256
"""How much of a name nobody knows is said: it is the client's, of any length, and with anything in it."""


def unknown(param: str) -> ClientFault:
    """Return the fault of a field the service does not have."""
    shown = quoted(param, _LONGEST_NAME)
    return ClientFault(f"Unknown parameter: {shown}.", UNKNOWN, shown[1:-1])


def wrong_type(param: str, expected: str, got: object) -> ClientFault:
    """Return the fault of a field of the wrong JSON type."""
    return ClientFault(
        f"Invalid type for '{param}': expected {expected}, but got {json_type(got)} instead.", "invalid_type", param
    )


def wrong_value(param: str, got: object, allowed: tuple[str, ...]) -> ClientFault:
    """Return the fault of a value that is not one of the allowed ones."""
    names = ", ".join(f"'{name}'" for name in allowed)
    return ClientFault(f"Invalid value: {quoted(got)}. Supported values are: {names}.", "invalid_value", param)


def refused_value(param: str, message: str) -> ClientFault:
    """Return the fault of a value of the right type that cannot be accepted, with the reason."""
    return ClientFault(message, "invalid_value", param)


def below(param: str, minimum: float, got: float, kind: str) -> ClientFault:
    """Return the fault of a number under its minimum; `kind` is `integer` or `decimal`."""
    return ClientFault(
        f"Invalid '{param}': {kind} below minimum value. Expected a value >= {minimum:g}, but got {figure(got)} instead.",
        f"{kind}_below_min_value",
        param,
    )


def above(param: str, maximum: float, got: float, kind: str) -> ClientFault:
    """Return the fault of a number over its maximum; `kind` is `integer` or `decimal`."""
    return ClientFault(
        f"Invalid '{param}': {kind} above maximum value. Expected a value <= {maximum:g}, but got {figure(got)} instead.",
        f"{kind}_above_max_value",
        param,
    )


def too_long(param: str, maximum: int, got: int, kind: str = "string") -> ClientFault:
    """Return the fault of a string or array that is too long."""
    return ClientFault(
        f"Invalid '{param}': {kind} too long. Expected a maximum length of {maximum}, but got {got} instead.",
        f"{kind}_above_max_length",
        param,
    )


def too_short(param: str, minimum: int, got: int, kind: str = "string") -> ClientFault:
    """Return the fault of a string or array that is too short."""
    return ClientFault(
        f"Invalid '{param}': {kind} too short. Expected a minimum length of {minimum}, but got {got} instead.",
        f"{kind}_below_min_length",
        param,
    )
