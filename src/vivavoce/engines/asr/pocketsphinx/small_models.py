"""The sessions' own models, in a decoder whose dictionary holds their words and no others.

A search takes time and memory by the size of its decoder's dictionary: 0.3 s and 18 MB with the 134,000 entries of the general
model's, 5 ms and 2 MB with the thousand words a few sessions need.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pocketsphinx

from vivavoce.engines.asr.pocketsphinx.vocabulary import pronunciations

KEPT = 16
"""Models a worker keeps loaded; the longest unused goes first."""
SETTINGS: dict[str, float | bool] = {"fwdflat": True, "wip": 0.2}
_IDLE = "idle"
_ANY_WORD = ("yes", "Y EH S")


class SmallModels:
    """Loads models when asked for, and gives them up again."""

    def __init__(self, settings: dict[str, float | bool] | None = None) -> None:
        self.decoder: Any = pocketsphinx.Decoder(loglevel="FATAL", lm=None, dict=os.devnull, **(settings or SETTINGS))
        self.decoder.add_word(*_ANY_WORD, update=False)
        self.decoder.add_keyphrase(_IDLE, _ANY_WORD[0])
        self._loaded: OrderedDict[str, Any] = OrderedDict()

    def activate(self, path: str) -> None:
        """Make the decoder hear with the model whose ARPA file is at `path`.

        Raises:
            RuntimeError: the decoder cannot load it.
            OSError: the files are gone.
        """
        if path not in self._loaded:
            for word, ways in pronunciations(Path(path)).items():
                for number, phones in enumerate(ways, 1):
                    name = word if number == 1 else f"{word}({number})"
                    if self.decoder.lookup_word(name) is None:
                        self.decoder.add_word(name, phones, update=False)
            model = pocketsphinx.NGramModel(self.decoder.config, self.decoder.logmath, path)
            self.decoder.add_lm(path, model)
            self._loaded[path] = model
        self._loaded.move_to_end(path)
        self.decoder.activate_search(path)
        while len(self._loaded) > KEPT:
            oldest, _ = self._loaded.popitem(last=False)
            self.decoder.remove_search(oldest)

    def idle(self) -> None:
        """Make the decoder search for next to nothing, while only its front end is wanted."""
        self.decoder.activate_search(_IDLE)

    def language_model(self, path: str) -> Any:
        """Return the model activated for `path`.

        Raises:
            KeyError: it is not loaded.
        """
        return self._loaded[path]
