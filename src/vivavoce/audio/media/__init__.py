"""Media files in, media files out: any common container to speech samples, speech to any format the audio API offers.

FFmpeg does the work, in processes of its own (`worker/`): its wheel bundles GPL codecs, and hostile files crash decoders. Nothing on this
side imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vivavoce.audio.media.fault import MediaError
    from vivavoce.audio.media.formats import OUTPUT_FORMATS, SPEECH_RATE_HZ
    from vivavoce.audio.media.jobs import MediaInfo
    from vivavoce.audio.media.workers import MediaWorkers

__all__ = ["OUTPUT_FORMATS", "SPEECH_RATE_HZ", "MediaError", "MediaInfo", "MediaWorkers"]

_HOMES = {
    "MediaError": "fault",
    "MediaInfo": "jobs",
    "MediaWorkers": "workers",
    "OUTPUT_FORMATS": "formats",
    "SPEECH_RATE_HZ": "formats",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for: the workers import this package too, and have no use for the server's half of it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
