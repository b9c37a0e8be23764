"""Whether what was heard with a small model was really said, or is the small model's nearest guess at something else.

Three things tell, none of which knows the domain: how sure the decoder is of its words against the alternatives it kept; how
far the best path stays behind the best sound at every moment; and whether the words are likelier in the session than in
English at large. They are weighed by logistic regression.

Source: trained on 70 orders (held out from every reported figure) against 96 recordings of people saying anything else in nine
languages; area under the curve 0.98. `python -m bench.asr_orders` counts what it mistakes.
"""

from __future__ import annotations

from dataclasses import dataclass

_CONFIDENCE, _LAG, _GAIN, _BIAS = 3.4, -13.2, 1.33, 2.3
_BRIEF = 1.3
"""Benefit of the doubt for short segments, at one second and full confidence: they start and end where every path lags, and the
general model, which has nothing but the sound to go by, is no better on them."""
_UNSURE = 0.8
"""Confidence taken for granted while a segment is still open and has none."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the decoder knows of its own work on one segment."""

    seconds: float
    lag: float
    """Negative natural logarithm of the best path's score, per second."""
    gain: float
    """log10 of the words' probability in the session against that in English at large, per word."""
    confidence: float | None = None
    """Posterior of the words, averaged over their frames; None while the segment is open."""


def fit(evidence: Evidence) -> float:
    """Return the log odds that the segment belongs to the small model; 0 is the point of indifference."""
    sure = _UNSURE if evidence.confidence is None else evidence.confidence
    brief = _BRIEF * sure / max(evidence.seconds, 0.3)
    return _BIAS + _CONFIDENCE * sure + _LAG * evidence.lag + _GAIN * evidence.gain + brief
