"""CMU Flite through ctypes: where the system's library is, and the few calls needed to speak and to see when each word is said.

Flite keeps an utterance as relations (Token, SylStructure, Segment) over shared items. A token's daughters are the words it is read
as; the same word in SylStructure leads to its syllables and their segments, which carry the end times of the sounds.

Source: flite 2.2, include/cst_utterance.h, cst_item.h, cst_wave.h, src/synth/cst_synth.c (default_tokenization, utt_synth).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.ports import EngineFault
from vivavoce.engines.tts.reading import Reading

VOICES = ("slt", "rms", "awb")
"""US woman, US man, Scottish man: of the voices Debian's package carries those that are not made of diphones."""

NATIVE_RATE_HZ = 16_000

DURATION_STRETCH = b"duration_stretch"
PITCH_MEAN = b"int_f0_target_mean"
"""Features of an utterance. Flite keeps the address of a feature's name, not a copy, so these must live as long as the library."""

_DEPENDENCIES = ("libasound.so.2",)
_CORE = "libflite.so.1"
_SHARED = ("libflite_usenglish.so.1", "libflite_cmulex.so.1")


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


def find_flite(library_dir: Path | None = None) -> Path | str | None:
    """Return where libflite is: a file in a folder, a name the system's loader knows, or None.

    Args:
        library_dir: where to look; without it the folder in `VIVAVOCE_FLITE_DIR`, else the system's libraries.
    """
    folder = library_dir or (Path(os.environ["VIVAVOCE_FLITE_DIR"]) if os.environ.get("VIVAVOCE_FLITE_DIR") else None)
    if folder is not None:
        file = folder / _CORE
        return file if file.is_file() else None
    return ctypes.util.find_library("flite")


class FliteLibrary:
    """The loaded library and its voices. Loading is not thread-safe; speaking is.

    An utterance's settings are written to the utterance, never to the voice, so that threads share voices without a lock.

    Args:
        library_dir: see `find_flite`.

    Raises:
        EngineFault: the library or one of its parts cannot be loaded.
    """

    def __init__(self, library_dir: Path | None = None) -> None:
        found = find_flite(library_dir)
        if found is None:
            raise EngineFault("flite is not installed: apt install libflite1", temporary=False)
        self._folder = found.parent if isinstance(found, Path) else None
        if self._folder is not None:
            for name in _DEPENDENCIES:
                if (self._folder / name).is_file():
                    self._load(name)
        core = self._load(_CORE)
        # Reading an utterance takes hundreds of calls of under a microsecond. Giving up the interpreter for each would cost a wait
        # for a busy event loop every time, so only the synthesis itself runs without the interpreter's lock.
        self._core = ctypes.PyDLL(core._name)
        for name in _SHARED:
            self._load(name)
        self._declare()
        core.flite_do_synth.restype = ctypes.c_void_p
        core.flite_do_synth.argtypes = [ctypes.c_void_p] * 3
        self._do_synth = core.flite_do_synth
        self._core.flite_init()
        self._utt_synth = ctypes.cast(core.utt_synth, ctypes.c_void_p)
        self._voices = {name: self._register(name) for name in VOICES}

    def read(self, text: bytes, voice: str, settings: Mapping[bytes, float]) -> Reading:
        """Speak an ASCII text.

        Args:
            text: ASCII without NUL.
            voice: one of `VOICES`.
            settings: features of the utterance: `DURATION_STRETCH`, `PITCH_MEAN` (Hz); no other keys, see there.

        Raises:
            EngineFault: flite gave no audio.
        """
        core = self._core
        utterance = core.new_utterance()
        try:
            core.utt_set_input_text(utterance, text)
            features = ctypes.cast(utterance, ctypes.POINTER(ctypes.c_void_p))[0]
            for name, value in settings.items():
                core.flite_feat_set_float(features, name, value)
            if not self._do_synth(utterance, self._voices[voice], self._utt_synth):
                utterance = None  # flite has freed it
                raise EngineFault("flite could not speak the text")
            wave = core.utt_wave(utterance).contents
            pcm: NDArray[np.int16] = np.ctypeslib.as_array(wave.samples, (wave.num_samples,)).astype(np.int16, copy=True)
            start, end = self._speech_bounds(utterance)
            return Reading(pcm, wave.sample_rate, tuple(self._marks(utterance, text)), start, end)
        finally:
            if utterance:
                core.delete_utterance(utterance)

    def _marks(self, utterance: int, text: bytes) -> Iterator[tuple[int, float, float]]:
        """Walk the tokens, find each in the text, and time the words it is read as."""
        position = 0
        for token in self._relation(utterance, b"Token"):
            name = self._core.item_feat_string(token, b"name")
            found = text.find(name, position)
            offset = found if found >= 0 else position
            position = offset + len(name)
            for word in self._siblings(self._core.item_daughter(token)):
                sounds = self._sounds(word)
                if sounds is not None:
                    yield offset, *sounds

    def _sounds(self, word: int) -> tuple[float, float] | None:
        """Return when a word's first sound starts and its last one ends, in ms; None when it has no sounds."""
        core = self._core
        syllables = core.item_as(word, b"SylStructure")
        first = core.item_daughter(core.item_daughter(syllables)) if syllables else None
        if not first:
            return None
        last = core.item_last_daughter(core.item_last_daughter(syllables))
        before = core.item_prev(core.item_as(first, b"Segment"))
        start = core.item_feat_float(before, b"end") if before else 0.0
        return start * 1000, core.item_feat_float(core.item_as(last, b"Segment"), b"end") * 1000

    def _speech_bounds(self, utterance: int) -> tuple[float, float]:
        """Return where sound starts and ends, in ms, without flite's own pauses; both 0 when there is none."""
        start = end = previous = 0.0
        heard = False
        for segment in self._relation(utterance, b"Segment"):
            until = self._core.item_feat_float(segment, b"end") * 1000
            if self._core.item_feat_string(segment, b"name") != b"pau":
                start = start if heard else previous
                end = until
                heard = True
            previous = until
        return start, end

    def _relation(self, utterance: int, name: bytes) -> Iterator[int]:
        if not self._core.utt_relation_present(utterance, name):
            return iter(())
        return self._siblings(self._core.relation_head(self._core.utt_relation(utterance, name)))

    def _siblings(self, item: int | None) -> Iterator[int]:
        while item:
            yield item
            item = self._core.item_next(item)

    def _load(self, name: str) -> ctypes.CDLL:
        # Symbols stay local: flite and pocketsphinx come from one family and share names (`feat_*`).
        try:
            return ctypes.CDLL(str(self._folder / name) if self._folder is not None else name)
        except OSError as error:
            raise EngineFault(f"flite cannot be loaded: {error}", temporary=False) from error

    def _register(self, voice: str) -> int:
        register = getattr(self._load(f"libflite_cmu_us_{voice}.so.1"), f"register_cmu_us_{voice}")
        register.restype, register.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
        address = register(None)
        if not address:
            raise EngineFault(f"flite's voice {voice} cannot be loaded", temporary=False)
        return int(address)

    def _declare(self) -> None:
        pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float
        signatures: dict[str, tuple[Any, list[Any]]] = {
            "flite_init": (ctypes.c_int, []),
            "new_utterance": (pointer, []),
            "delete_utterance": (None, [pointer]),
            "utt_set_input_text": (pointer, [pointer, text]),
            "utt_wave": (ctypes.POINTER(_Wave), [pointer]),
            "utt_relation": (pointer, [pointer, text]),
            "utt_relation_present": (ctypes.c_int, [pointer, text]),
            "flite_feat_set_float": (None, [pointer, text, number]),
            "relation_head": (pointer, [pointer]),
            "item_next": (pointer, [pointer]),
            "item_prev": (pointer, [pointer]),
            "item_daughter": (pointer, [pointer]),
            "item_last_daughter": (pointer, [pointer]),
            "item_as": (pointer, [pointer, text]),
            "item_feat_string": (text, [pointer, text]),
            "item_feat_float": (number, [pointer, text]),
        }
        for name, (result, arguments) in signatures.items():
            function = getattr(self._core, name)
            function.restype, function.argtypes = result, arguments
