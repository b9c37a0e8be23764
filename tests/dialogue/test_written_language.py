"""The language a text is written in: by its script, by its little words, and not at all where it does not show."""

from __future__ import annotations

import pytest

from vivavoce.dialogue.written_language import language_of, script_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Привет, как дела?", "ru"),
        ("Привіт, як справи? Її немає.", "uk"),
        ("你好，世界", "zh"),
        ("こんにちは世界", "ja"),
        ("안녕하세요", "ko"),
        ("Γεια σου κόσμε", "el"),
        ("नमस्ते दुनिया", "hi"),
        ("สวัสดีชาวโลก", "th"),
        ("مرحبا بالعالم", "ar"),
        ("北京 is the capital of China", "en"),
    ],
)
def test_the_script_with_the_most_letters_decides(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello there, how are you?", "en"),
        ("Hola, ¿cómo está usted?", "es"),
        ("Je voudrais une table pour deux.", "fr"),
        ("Wir haben heute geöffnet.", "de"),
        ("Buongiorno, vorrei un caffè.", "it"),
        ("Bom dia, eu quero um café.", "pt"),
        ("Goedemorgen, hoe gaat het?", "nl"),
        ("Dziękuję, wszystko w porządku, śpię.", "pl"),
    ],
)
def test_little_words_and_letters_tell_languages_of_one_script_apart(text: str, language: str) -> None:
    assert language_of(text) == language
    assert script_language(text) == ""


@pytest.mark.parametrize(
    "text", ["", "123 !!", "Los Angeles, Las Vegas, El Paso.", "A résumé and naïve façade: déjà vu", "Order number 5", "😀"]
)
def test_nothing_is_guessed_where_nothing_speaks_clearly(text: str) -> None:
    assert language_of(text) in ("", "en")


@pytest.mark.parametrize(
    "text",
    [
        "I like the Spanish word mañana and señor the most",
        "Die Hard and Das Boot are films that you will love",
        "Do as I do, or do as we do.",
        "The Müller café in São Paulo is nice",
    ],
)
def test_borrowed_words_are_no_change_of_language(text: str) -> None:
    assert language_of(text) in ("", "en")
