"""Of what a model says, the translation is given and nothing else, however the pieces are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.mt.cleaning import TranslationCleaner

SOURCE = "Good morning, where is the station?"
TRANSLATION = "Buenos días, ¿dónde está la estación?"


def cleaned(answer: str, size: int, source: str = SOURCE) -> str:
    cleaner = TranslationCleaner(source)
    said = ""
    for start in range(0, len(answer), size):
        said += cleaner.feed(answer[start : start + size])
        if cleaner.over:
            break
    return said + cleaner.finish()


@pytest.mark.parametrize("size", [1, 2, 5, 13, 10_000])
@pytest.mark.parametrize(
    "answer",
    [
        TRANSLATION,
        f'"{TRANSLATION}"',
        f"“{TRANSLATION}”\n",
        f"«{TRANSLATION}»",
        f"**{TRANSLATION}**",
        f"Here is the translation:\n\n{TRANSLATION}",
        f"Here's the Spanish translation: {TRANSLATION}",
        f'Sure! Here is the translation into Spanish:\n"{TRANSLATION}"',
        f"Of course. Here is the text translated to Spanish:\n{TRANSLATION}",
        f"Translation: {TRANSLATION}",
        f"Translation (Spanish): {TRANSLATION}",
        f"Spanish: {TRANSLATION}",
        f"**Spanish:** {TRANSLATION}",
        f"In Spanish: {TRANSLATION}",
        f"Traducción: {TRANSLATION}",
        f"Aquí está la traducción: {TRANSLATION}",
        f"翻译：{TRANSLATION}",
        f"<think>The user wants\nSpanish.</think>\n\n{TRANSLATION}",
        f"<speech>{TRANSLATION}</speech>",
        f"```\n{TRANSLATION}\n```",
        f"```text\n{TRANSLATION}\n```\nI hope this helps!",
        f"{TRANSLATION}\n\nIs there anything else?",
        f"{TRANSLATION}\n(Note: this is the formal address)",
        f"{TRANSLATION}\nAlternatively: {TRANSLATION}",
        f"\n\n  {TRANSLATION}  \n\n",
    ],
)
def test_ornaments_are_taken_off(answer: str, size: int) -> None:
    assert cleaned(answer, size) == TRANSLATION


@pytest.mark.parametrize("size", [1, 4, 10_000])
@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("De acuerdo.", "Okay."),
        ("Claro, ya voy.", "Sure, I am coming."),
        ("Aquí tiene su café: solo, sin azúcar.", "Here is your coffee: black, no sugar."),
        ("La comida española es buena.", "Spanish food is good."),
        ("Traducción: hola", "Translation: hello"),
        ("Dijo «ve».", "“Go,” he said."),
        ("«Ve»", '"Go"'),
        ("No vayas", "Don't go"),
        ("Inglés", "English"),
        ("2 < 3", "2 < 3"),
        ("La nota es alta.", "The note is high."),
        ("まず一つ。次に二つ。", "First one. Then two."),
    ],
)
def test_what_the_source_says_itself_stays(source: str, translation: str, size: int) -> None:
    assert cleaned(translation, size, source) == translation


def test_line_breaks_within_the_translation_become_spaces() -> None:
    assert cleaned("Buenos días.\n¿Dónde está la estación?", 3) == "Buenos días. ¿Dónde está la estación?"


@pytest.mark.parametrize("answer", ["", "   \n", '"', "```\n```", "<speech></speech>", "<think>never ending", "Translation:"])
def test_an_answer_without_a_translation_is_empty(answer: str) -> None:
    assert cleaned(answer, 2) == ""


def test_a_translation_is_given_as_it_comes() -> None:
    cleaner = TranslationCleaner(SOURCE)
    assert cleaner.feed("Buenos") == "Buenos"
    assert cleaner.feed(" días, ") == " días,"
    assert cleaner.feed("¿dónde") == " ¿dónde"


def test_it_is_over_with_the_first_remark_so_that_the_model_can_be_stopped() -> None:
    cleaner = TranslationCleaner(SOURCE)
    assert cleaner.feed(f"{TRANSLATION}\n\nI chose") == TRANSLATION
    assert cleaner.over
    assert cleaner.feed(" the formal address") + cleaner.finish() == ""


ORNAMENTS = st.sampled_from(
    ['"', "“", "”", "\n", "\n\n", "```", "<speech>", "</speech>", "Spanish", ":", "Translation", "Sure!", " ", "Here is the translation",
     "hola", "Note", "(", "*", "**", "<think>", "</think>", "翻译", "：", "text", "ok", "or", "<", "'", "#", "."]
)  # fmt: skip


@given(
    st.text(max_size=120) | st.lists(ORNAMENTS, max_size=12).map("".join),
    st.integers(1, 12),
    st.sampled_from([SOURCE, '"Hi"', "Spanish: hi", ""]),
)
def test_how_the_answer_is_cut_changes_nothing(answer: str, size: int, source: str) -> None:
    assert cleaned(answer, size, source) == cleaned(answer, 10_000, source)
