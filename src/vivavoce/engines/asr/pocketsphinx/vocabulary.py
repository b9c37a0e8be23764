"""A session's vocabulary as a model on disk: an ARPA file and, beside it, how its words are pronounced."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from vivavoce.engines.asr.pocketsphinx.language_model import train
from vivavoce.engines.asr.pocketsphinx.phrases import phrases
from vivavoce.engines.asr.pocketsphinx.pronunciation import Lookup, pronounce
from vivavoce.engines.asr.pocketsphinx.topic import Topic


def build(topic: Topic, arpa: Path, lookup: Lookup, background: Mapping[str, float]) -> bool:
    """Write the model of `topic`; return False, and write nothing, when it holds no phrase.

    Args:
        topic: what the session is about.
        arpa: where to; this file appears last and whole, so that its presence means that everything is there.
        lookup: the decoder's dictionary.
        background: weights of the words that may turn up in any phrase.

    Raises:
        OSError: the files cannot be written.
    """
    said = phrases(topic)
    if not said:
        return False
    model = train(said, background)
    ways = {word: _ways_to_say(word, lookup) for word in model.words}
    _pronunciations(arpa).write_bytes(msgspec.json.encode(ways))
    draft = arpa.with_suffix(f".{os.getpid()}")
    draft.write_text(model.arpa(), encoding="ascii")
    draft.replace(arpa)
    return True


def pronunciations(arpa: Path) -> dict[str, list[str]]:
    """Return the ways to say each word of the model that `build` wrote, as phones, the commonest first.

    Raises:
        OSError: the file is gone.
        msgspec.MsgspecError: it is garbled.
    """
    return msgspec.json.decode(_pronunciations(arpa).read_bytes(), type=dict[str, list[str]])


def _ways_to_say(word: str, lookup: Lookup) -> list[str]:
    """Return the dictionary's pronunciations of a word, or a guess at one."""
    found = [lookup(word) or pronounce(word, lookup)]
    while another := lookup(f"{word}({len(found) + 1})"):
        found.append(another)
    return found


def _pronunciations(arpa: Path) -> Path:
    return arpa.with_suffix(".json")
