"""What a speaker's channel does to the spectrum: the mean of the cepstrum, which the decoder takes away before it compares.

Getting it right matters more than anything else here: with the model's default mean, eight short caller turns recorded over a
narrow channel came out as eight other things. So a speaker's first segment waits for its first second, whose mean starts the
decoder; every later segment starts from what has been learnt of the speaker so far.
"""

from __future__ import annotations

from dataclasses import dataclass

FRAMES_PER_S = 100
CEPSTRA = 13
DEFAULT = (40.0, 3.0, -1.0, *(0.0,) * (CEPSTRA - 3))
"""Where the model's front end starts when it knows nothing of the speaker (`cmninit`)."""

_DOUBT_FRAMES = 30
"""Weight of the default against the speaker's own frames: so much speech may be a breath and a click."""
_MEMORY_FRAMES = 1_500
"""The speaker's past counts for 15 s at most, so that a change of room is followed."""
_LIVE_WINDOW = 500
_LIVE_LIMIT = 800


@dataclass(frozen=True, slots=True)
class CepstralMean:
    """The mean of `frames` frames (10 ms each) of one speaker."""

    frames: int
    values: tuple[float, ...]

    @classmethod
    def parse(cls, text: str) -> CepstralMean | None:
        """Return what `str` wrote, or None for an empty or foreign text."""
        count, _, values = text.partition(":")
        try:
            mean = cls(int(count), tuple(float(value) for value in values.split(",")))
        except ValueError:
            return None
        return mean if len(mean.values) == CEPSTRA else None

    def __str__(self) -> str:
        return f"{self.frames}:{','.join(format(value, '.4f') for value in self.values)}"

    @property
    def start(self) -> str:
        """The mean to start a segment with, as the decoder reads it: the speaker's own, held to the default while little is known."""
        share = self.frames / (self.frames + _DOUBT_FRAMES)
        blended = (share * own + (1 - share) * default for own, default in zip(self.values, DEFAULT, strict=True))
        return ",".join(format(value, ".4f") for value in blended)

    def joined(self, later: CepstralMean) -> CepstralMean:
        """Return the mean of this and of what was heard later."""
        before = min(self.frames, max(0, _MEMORY_FRAMES - later.frames))
        frames = before + later.frames
        if not frames:
            return self
        values = ((before * old + later.frames * new) / frames for old, new in zip(self.values, later.values, strict=True))
        return CepstralMean(frames, tuple(values))


def heard(started_with: str, ended_with: str, frames: int) -> CepstralMean:
    """Return the mean of a segment's own frames, from what the decoder's running mean was before and after it.

    The running mean weighs its start as 500 frames and, each time it has counted more than 800, shrinks to 500 again.

    Source: PocketSphinx `src/feat/cmn_live.c` (`CMN_WIN` 500, `CMN_WIN_HWM` 800).
    """
    before, after = decoder_values(started_with), decoder_values(ended_with)
    shrinks, rest = divmod(frames, _LIVE_LIMIT - _LIVE_WINDOW + 1)
    share = (_LIVE_WINDOW / (_LIVE_LIMIT + 1)) ** shrinks * _LIVE_WINDOW / (_LIVE_WINDOW + rest)
    if share >= 1.0:
        return CepstralMean(0, after)
    return CepstralMean(frames, tuple((new - share * old) / (1 - share) for old, new in zip(before, after, strict=True)))


def decoder_values(text: str) -> tuple[float, ...]:
    """Return a mean as the decoder writes it, padded with the zeros it may leave out."""
    values = tuple(float(value) for value in text.split(","))[:CEPSTRA]
    return values + (0.0,) * (CEPSTRA - len(values))
