"""Numbers, spelled identifiers, replies: the small readers the brain is made of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.llm.frames.consent import Reply, read_reply
from vivavoce.engines.llm.frames.edits import edit_identifier
from vivavoce.engines.llm.frames.instructions import choose_template, greeting, literal
from vivavoce.engines.llm.frames.numbers import quantities
from vivavoce.engines.llm.frames.report import is_failure, tell
from vivavoce.engines.llm.frames.similarity import alike, edit_distance
from vivavoce.engines.llm.frames.spelling import find_email, fits, spelled_runs, spoken
from vivavoce.engines.llm.frames.text import words_of


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("zero", 0), ("two", 2), ("twenty three", 23), ("twenty-three", 23), ("one hundred and five", 105), ("a hundred", 100),
        ("nine thousand nine hundred eleven", 9911), ("two million three hundred thousand", 2_300_000), ("two point five", 2.5),
        ("a couple of", 2), ("half a dozen", 6), ("1,500", 1500), ("2.5", 2.5), ("two and a half", 2.5), ("minus four", -4),
    ],
)  # fmt: skip
def test_quantities_are_read_as_said(said: str, value: float) -> None:
    (quantity,) = quantities([word.text for word in words_of(said)])
    assert quantity.value == value


@given(st.integers(0, 999_999))
def test_every_written_number_reads_as_itself(value: int) -> None:
    (quantity,) = quantities([str(value)])
    assert quantity.value == value and quantity.whole


@pytest.mark.parametrize(
    ("rule", "said", "written"),
    [
        ("SP-01", "a b c one two three", "ABC123"),
        ("SP-02", "b c dash nine eight seven", "BC-987"),
        ("SP-04", "a dot b underscore c slash d plus e", "A.B_C/D+E"),
        ("SP-05", "double seven triple o", "77000"),
        ("SP-05", "capital a four", "A4"),
        ("SP-05", "alpha bravo one", "AB1"),
        ("SP-05", "b as in boy four", "B4"),
        ("NU-01", "one two three four", "1234"),
        ("NU-02", "one twenty three", "123"),
        ("NU-03", "one nineteen", "119"),
        ("NU-04", "ninety nine eleven", "9911"),
        ("NU-05", "nine thousand nine hundred eleven", "9911"),
    ],
)
def test_spelled_sequences_become_their_written_form(rule: str, said: str, written: str) -> None:
    (run,) = spelled_runs(said.split())
    assert run.text == written, rule


def test_other_plausible_readings_are_kept() -> None:
    """NU-06."""
    (run,) = spelled_runs(["one", "twenty", "three"])
    assert run.readings == ("123", "1203")


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("j o h n at example dot com", "john@example.com"),
        ("it's j o h n dot smith at example dot com please", "john.smith@example.com"),
        ("my email is chen at gmail dot com", "chen@gmail.com"),
        ("c underscore h e n at mail dash box dot co dot uk", "c_hen@mail-box.co.uk"),
        ("write to John@Example.com", "john@example.com"),
    ],
)
def test_spelled_and_typed_addresses_are_found(said: str, address: str) -> None:
    """SP-03, EM-03."""
    found = find_email(said, words_of(said))
    assert found is not None and found[2] == address


def test_plain_talk_is_no_address() -> None:
    assert find_email("meet me at noon", words_of("meet me at noon")) is None


def test_identifiers_are_read_sign_by_sign() -> None:
    """ID-02, EM-02."""
    assert spoken("83521") == "8... 3... 5... 2... 1"
    assert spoken("BC-9") == "B... C... dash... 9"
    assert spoken("chen@example.com") == "c-h-e-n at example dot com"


@pytest.mark.parametrize(
    ("said", "before", "after"),
    [
        ("actually the fourth digit is seven", "83521", "83571"),
        ("the last digit should be nine", "83521", "83529"),
        ("the first letter is b", "A12", "B12"),
        ("not b d", "AB12", "AD12"),
        ("make it large", "83521", None),
        ("the ninth digit is one", "83521", None),
    ],
)
def test_one_sign_of_an_identifier_can_be_corrected(said: str, before: str, after: str | None) -> None:
    """WF-01."""
    assert edit_identifier(said, before) == after


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("yes", Reply.YES), ("yeah that's right", Reply.YES), ("sure go ahead", Reply.YES), ("Yes, please!", Reply.YES),
        ("okay", Reply.YES), ("that is correct thank you", Reply.YES), ("mm hmm", Reply.YES),
        ("no", Reply.NO), ("nope", Reply.NO), ("that's not right", Reply.NO), ("no don't", Reply.NO), ("no thanks", Reply.NO),
        ("maybe", Reply.VAGUE), ("i guess so", Reply.VAGUE), ("i'm not sure", Reply.VAGUE), ("yes no", Reply.VAGUE),
        ("hold on", Reply.VAGUE), ("sure maybe", Reply.VAGUE),
        ("never mind", Reply.CANCEL), ("cancel that please", Reply.CANCEL), ("yes cancel", Reply.CANCEL),
        ("yes for my dog", Reply.OTHER), ("banana", Reply.OTHER), ("", Reply.OTHER), ("yesterday", Reply.OTHER),
    ],
)  # fmt: skip
def test_replies_are_classified_strictly_for_consent(said: str, meaning: Reply) -> None:
    """TE-09."""
    assert read_reply(words_of(said)) is meaning


@given(st.text("abcde", max_size=8), st.text("abcde", max_size=8))
def test_edit_distance_is_symmetric_and_bounded(one: str, other: str) -> None:
    distance = edit_distance(one, other)
    assert distance == edit_distance(other, one) <= max(len(one), len(other))
    assert (distance == 0) == (one == other)


def test_misheard_words_are_alike_and_other_words_are_not() -> None:
    assert alike("cappucino", "cappuccino") and alike("lota", "latte") and alike("expresso", "espresso")
    assert not any(alike(word, "latte") for word in ("later", "lady", "ladder", "lot", "light"))


@pytest.mark.parametrize(
    ("instruction", "text"),
    [
        ('Say: "Hello there."', "Hello there."),
        ('say exactly "one two three"', "one two three"),
        ("Say exactly: I am ready.", "I am ready."),
        ('Please say "Welcome back" and nothing else.', "Welcome back"),
        ("You take orders at a coffee bar.", None),
        ("Say hello to the user.", None),
        ('# After the order\nSay: "Thanks {name}."', None),
    ],
)
def test_an_order_to_say_something_is_recognized(instruction: str, text: str | None) -> None:
    assert literal(instruction) == text


@pytest.mark.parametrize(
    ("instructions", "words"),
    [
        ("You are a helpful assistant.", "Hello! How can I help you?"),
        ("You are Nova, a concierge.", "Hello, this is Nova. How can I help you?"),
        ("# Role\nYou answer the phone for Acme Dental.", "Hello, welcome to Acme Dental. How can I help you?"),
        ('Greet callers with "Good day, Acme here."', "Good day, Acme here."),
        ("", "Hello! How can I help you?"),
    ],
)
def test_the_greeting_follows_the_role(instructions: str, words: str) -> None:
    assert greeting(instructions) == words


def test_the_sentence_the_result_can_fill_is_chosen() -> None:
    instructions = 'After book say "Booked for {day}." After pay say "Paid {amount} on {day}."'
    assert choose_template(instructions, {"day", "amount"}, "pay") == "Paid {amount} on {day}."
    assert choose_template(instructions, {"day"}, "book") == "Booked for {day}."
    assert choose_template(instructions, {"other"}, "book") is None


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ('{"message": "Your table is ready."}', "Your table is ready."),
        ('{"status": "shipped", "eta": "tomorrow"}', "The status is shipped and the eta is tomorrow."),
        ('{"confirmation_code": "AB1234"}', "The confirmation code is A... B... 1... 2... 3... 4."),
        ('{"temperature": 21.5}', "The temperature is 21 point 5."),
        ('[{"name": "Roma"}, {"name": "Luigi"}]', "I found 2: Roma and Luigi."),
        ("[]", "I found nothing."),
        ("the store closes at six", "The store closes at six."),
        ('{"url": "https://x.test/a"}', "That's done."),
        ('{"ok": true}', "That's done."),
        ("", "That's done."),
    ],
)
def test_results_are_told_values_first_and_speakably(output: str, words: str) -> None:
    """VB-03, TF-01."""
    assert tell(output, "", "x", wrote=True) == words


@pytest.mark.parametrize(
    "output", ['{"error": "x"}', '{"success": false}', '{"status": "failed"}', "Error: boom", "Traceback (most"]
)
def test_failures_are_recognized(output: str) -> None:
    assert is_failure(output)


@pytest.mark.parametrize("output", ['{"error": null, "id": 1}', '{"status": "shipped"}', "no errors found", "[]", ""])
def test_successes_are_no_failures(output: str) -> None:
    assert not is_failure(output)


@given(st.text(max_size=200))
def test_any_output_can_be_told(output: str) -> None:
    is_failure(output)
    assert tell(output, "", "x", wrote=False)


def test_a_hostile_or_broken_pattern_excludes_nothing_and_hangs_nothing() -> None:
    assert fits("a" * 40 + "!", r"^(a+)+$") and fits("a" * 40 + "!", r"^(a|aa)+$") and fits("x", "(")
    assert fits("12345", r"^\d{5}$") and not fits("1234", r"^\d{5}$")
