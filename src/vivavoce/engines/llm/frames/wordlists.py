"""Word lists written as plain text, so that they read as lists of words."""

from __future__ import annotations


def word_list(text: str) -> tuple[str, ...]:
    """Return the words of `text` in order."""
    return tuple(text.split())


def word_set(text: str) -> frozenset[str]:
    """Return the words of `text` as a set."""
    return frozenset(text.split())


def phrase_list(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the comma-separated phrases of `text`, each as its words, longest first."""
    return tuple(sorted((tuple(phrase.split()) for phrase in text.split(",")), key=len, reverse=True))
