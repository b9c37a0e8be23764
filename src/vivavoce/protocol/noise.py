"""Noise reduction of input audio: `audio.input.noise_reduction`, the same in every kind of session.

Source: the official types (`strength`: higher values suppress more, 1 when first enabled, kept by updates that leave it out).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from vivavoce.protocol import errors
from vivavoce.protocol.schema import Choice, Nullable, Number, Record

Field = Literal["near_field", "far_field"]

_DEFAULT_STRENGTH: Final = 1.0

NOISE_REDUCTION: Final = Nullable(Record({"type": Choice(("near_field", "far_field")), "strength": Nullable(Number(0, 2))}))


@dataclass(frozen=True, slots=True)
class NoiseReduction:
    """Which noise to take out of input audio, and how much of it: a strength of 1 is what suits most."""

    field: Field
    strength: float


def merge_noise_reduction(
    current: dict[str, Any] | None, update: dict[str, Any] | None, *, available: bool
) -> dict[str, Any] | None:
    """Return the wire's noise reduction after a (checked) update: what it leaves out keeps its value, null turns it off.

    Raises:
        ClientFault: this server has none, or the type is missing.
    """
    path = "session.audio.input.noise_reduction"
    if update is None:
        return None
    if not available:
        raise errors.no_noise_reduction(path)
    field = update.get("type") or (current or {}).get("type")
    if field is None:
        raise errors.missing(f"{path}.type")
    strength = update.get("strength")
    if strength is None:
        strength = current["strength"] if current else _DEFAULT_STRENGTH
    return {"type": field, "strength": strength}


def noise_reduction(wire: dict[str, Any] | None) -> NoiseReduction | None:
    """Read `audio.input.noise_reduction`."""
    return None if wire is None else NoiseReduction(cast(Field, wire["type"]), float(wire["strength"]))
