"""Guess in which language a text is written: enough to choose a voice by, not to do linguistics with.

The script decides. Where several languages share one, letters that only some of them have and their commonest little words decide, and
only when they are clear; otherwise nothing is guessed.

The words are chosen by hand; those that two of the languages share are left out by the code. Source of the scripts: the blocks of the
Unicode standard.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

_SCRIPTS: Final = {
    "ru": "\u0400-\u052f",
    "el": "\u0370-\u03ff\u1f00-\u1fff",
    "he": "\u0590-\u05ff",
    "ar": "\u0600-\u06ff\u0750-\u077f",
    "hi": "\u0900-\u097f",
    "bn": "\u0980-\u09ff",
    "ta": "\u0b80-\u0bff",
    "te": "\u0c00-\u0c7f",
    "th": "\u0e00-\u0e7f",
    "ka": "\u10a0-\u10ff",
    "hy": "\u0530-\u058f",
    "ko": "\u1100-\u11ff\uac00-\ud7af",
    "ja": "\u3040-\u30ff",
    "zh": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f",
    "": "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff",
}
"""Letters by the language that a text in them is taken to be; the empty name is the Latin script."""

_LETTERS: Final = {language: re.compile(f"[{letters}]") for language, letters in _SCRIPTS.items()}
_UKRAINIAN: Final = re.compile("[іїєґІЇЄҐ]")
_KANA: Final = _LETTERS["ja"]

OWN_SCRIPT: Final = frozenset({*_SCRIPTS, "uk"} - {""})
"""Languages that a script stands for."""

_MARKS: Final = {
    "es": "ñ¿¡", "pt": "ãõ", "de": "ß", "pl": "łąęśźż", "cs": "řěů", "hu": "őű", "tr": "ğış", "ro": "ășț",
    "vi": "ơưđạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ", "da": "øæ", "sv": "å",
}  # fmt: skip
"""Letters that tell languages apart; one is worth as much as a word."""

_WORDS: Final = {
    "en": "the of and is this that with you your what have from it i not they she will can to at but him her them his our were been would "
    "could which there please thank thanks hello or if am are we my how do for on be as",
    "es": "que está una y muy por gracias hola qué cómo usted eso ahora del para como tengo quiero puede hay donde también porque "
    "buenos días esto ese esta señor pero cuando su se es más",
    "fr": "le les des est vous je pas une dans et avec mais bonjour merci nous il elle suis c'est du au aux cette très être j'ai qu'il "
    "n'est quand où ce votre pour voudrais sont",
    "de": "der das ist und ich nicht wir ein eine einen einem einer für auf sie haben aber danke guten wie zu es dem des auch noch wenn "
    "sind wird morgen dir mir bitte heute möchte kann",
    "it": "gli che è sono della grazie ciao questo perché bene anche cosa il del sei ho più molto oggi buongiorno quando vorrei un",
    "pt": "não uma você está mas obrigado isso muito eu ele ela aqui também são para dia bom olá quando meu minha é um",
    "nl": "het een ik niet dat wij maar voor zijn heb dank je naar deze ook wel goed hoe gaat mijn met goedemorgen vandaag wil graag",
}
"""Little words of the larger languages that are written without letters of their own, none of them an English word or a famous name."""

_BY_WORD: Final = {
    language: frozenset(words.split()) - {word for other, more in _WORDS.items() if other != language for word in more.split()}
    for language, words in _WORDS.items()
}
_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_CLEAR: Final = 2
"""How many signs a language needs, and how many more than twice those of English: a borrowed name is no change of language."""


def language_of(text: str) -> str:
    """Return the language of a text as ISO-639-1, empty where nothing speaks clearly for one.

    A script that one large language is written in stands for that language (Cyrillic: Russian, or Ukrainian by its letters; Han
    without kana: Chinese); in a text of several scripts, the one with the most letters decides.
    """
    script = script_language(text)
    return script or _latin_language(text)


def script_language(text: str) -> str:
    """Return the language that the script of a text stands for, empty for Latin letters, and where there are none."""
    counts = {language: len(letters.findall(text)) for language, letters in _LETTERS.items()}
    if counts["ja"]:  # Japanese is written in both
        counts["ja"] += counts.pop("zh")
    most = max(counts, key=lambda language: counts[language])
    if not counts[most]:
        return ""
    return "uk" if most == "ru" and _UKRAINIAN.search(text) else most


def _latin_language(text: str) -> str:
    lowered = text.lower()
    words = Counter(_WORD.findall(lowered))
    signs = {language: sum(words[word] for word in little) for language, little in _BY_WORD.items()}
    for language, marks in _MARKS.items():
        signs[language] = signs.get(language, 0) + sum(lowered.count(mark) for mark in marks)
    best = max(signs, key=lambda language: signs[language])
    others = max(count for language, count in signs.items() if language != best)
    clear = signs[best] >= _CLEAR and signs[best] > others and (best == "en" or signs[best] >= 2 * signs["en"] + _CLEAR)
    return best if clear else ""
