"""The languages translations are made into, and their names."""

from __future__ import annotations

from typing import Final

TARGETS: Final = ("en", "es", "fr", "de", "it", "pt", "ja", "ko", "zh", "ru", "hi", "id", "vi")
"""The output languages of translation sessions, ISO-639-1. Source: the official guide to realtime translation, "Languages"."""

NAMES: Final = {
    "en": "English", "es": "Spanish", "fr": "French", "de": "German", "it": "Italian", "pt": "Portuguese", "ja": "Japanese",
    "ko": "Korean", "zh": "Chinese", "ru": "Russian", "hi": "Hindi", "id": "Indonesian", "vi": "Vietnamese", "ar": "Arabic",
    "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "da": "Danish", "el": "Greek", "et": "Estonian",
    "eu": "Basque", "fa": "Persian", "fi": "Finnish", "gl": "Galician", "he": "Hebrew", "hr": "Croatian", "hu": "Hungarian",
    "is": "Icelandic", "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay", "nl": "Dutch", "no": "Norwegian", "pl": "Polish",
    "ro": "Romanian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil",
    "te": "Telugu", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
}  # fmt: skip


def name_of(language: str) -> str:
    """Return the English name of a language, or its code in quotes where this table lacks it."""
    return NAMES.get(primary(language), f'the language "{language}"')


def primary(language: str) -> str:
    """Return the language of a tag without region and script: `pt` of `pt-BR`."""
    return language.strip().lower().replace("_", "-").partition("-")[0]
