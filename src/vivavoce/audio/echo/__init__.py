"""Acoustic echo cancellation: what the far end's loudspeaker sends back into its microphone is taken out again."""

from vivavoce.audio.echo.canceller import EchoCanceller
from vivavoce.audio.echo.spectra import BLOCK_MS

__all__ = ["BLOCK_MS", "EchoCanceller"]
