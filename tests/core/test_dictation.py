"""Continuous listening: segments at pauses, told in order and for good, passages between marks."""

from __future__ import annotations

from itertools import pairwise

import pytest
from dictating import Desk
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core import effects
from vivavoce.core.dictation import LONG_MS, LONGEST_MS, Missed, PassageOver, Said
from vivavoce.core.inputs import HeardWord
from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.formats import PCMU
from vivavoce.protocol.listening import ListeningConfig


def test_a_segment_begins_with_its_padding_and_ends_at_a_pause() -> None:
    desk = Desk()
    desk.silence(1_000)
    desk.speech(960)
    desk.silence(800)
    ((start, end),) = desk.spans.values()
    assert abs(start - 700) <= 32 and abs(end - (1_960 + 500)) <= 64


def test_segments_never_overlap_and_never_hold_a_sample_twice() -> None:
    desk = Desk()
    for _ in range(5):
        desk.speech(640)
        desk.silence(510)
    spans = sorted(desk.spans.values())
    assert len(spans) >= 4
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))


def test_speech_without_pauses_is_cut_at_a_dip_once_it_is_long() -> None:
    desk = Desk()
    desk.speech(LONG_MS + 1_000)
    assert not desk.spans
    desk.silence(160)
    desk.speech(2_000)
    assert [round((end - start) / 1000) for start, end in desk.spans.values()] == [21]


def test_speech_without_any_dip_is_cut_all_the_same() -> None:
    desk = Desk()
    desk.speech(2 * LONGEST_MS + 2_000)
    assert [round((end - start) / 1000) for start, end in desk.spans.values()] == [30, 30]
    (_, first_end), (second_start, _) = desk.spans.values()
    assert second_start == first_end, "nothing lies between them"


def test_partials_are_told_as_they_come_and_never_taken_back() -> None:
    desk = Desk()
    desk.speech(1_600)
    desk.hear(1, "we met")
    desk.hear(1, "we met again")
    desk.silence(800)
    desk.finish(1, "we met a friend again")
    assert desk.text.startswith("we met again")
    last = desk.told[-1]
    assert isinstance(last, Said) and last.utterance is not None and last.utterance.text == desk.text


def test_a_later_segment_waits_for_the_earlier_one() -> None:
    desk = Desk()
    for _ in range(2):
        desk.speech(960)
        desk.silence(800)
    desk.hear(2, "second")
    desk.finish(2, "second thing")
    assert desk.told == []
    desk.finish(1, "first thing")
    assert desk.text == "first thing second thing"


def test_times_are_those_of_the_session() -> None:
    desk = Desk()
    desk.silence(2_000)
    desk.speech(960)
    desk.silence(800)
    desk.finish(1, "hello you", HeardWord("hello", 300, 500), HeardWord("you", 600, 700))
    (said,) = desk.told
    assert isinstance(said, Said) and said.utterance is not None
    start = desk.spans[1][0]
    assert [(word.start_ms, word.end_ms) for word in said.utterance.words] == [
        (start + 300, start + 500),
        (start + 600, start + 700),
    ]
    assert (said.start_ms, said.end_ms) == (start + 300, start + 700)


def test_scripts_without_spaces_are_joined_without() -> None:
    desk = Desk()
    for job, text in ((1, "今日は"), (2, "いい天気です")):
        desk.speech(960)
        desk.silence(800)
        desk.finish(job, text)
    assert desk.text == "今日はいい天気です"


def test_a_failed_segment_is_told_and_the_others_go_on() -> None:
    desk = Desk()
    for _ in range(3):
        desk.speech(960)
        desk.silence(800)
    desk.finish(1, "one")
    desk.fail(2)
    desk.finish(3, "three")
    assert [type(each) for each in desk.told] == [Said, Missed, Said]
    assert desk.text == "one three"


def test_a_mark_ends_the_segment_at_hand_and_comes_back_when_everything_before_it_is_told() -> None:
    desk = Desk()
    desk.speech(960)
    number = desk.mark()
    assert desk.spans[1][1] == 960
    assert desk.told == []
    desk.finish(1, "yes")
    assert [each.passage for each in desk.told] == [number, number]
    assert desk.told[-1] == PassageOver(number)


def test_a_mark_waits_for_the_detector() -> None:
    desk = Desk()
    desk.sound(3_000, 1.0, judged=False)
    first = desk.mark()
    desk.sound(2_000, 1.0, judged=False)
    second = desk.mark()
    assert not desk.open
    desk.judge(1.0)
    assert [end for _, end in desk.spans.values()] == [3_000, 5_000]
    desk.finish(1, "one")
    desk.finish(2, "two")
    assert [(type(each), each.passage) for each in desk.told] == [
        (Said, first),
        (PassageOver, first),
        (Said, second),
        (PassageOver, second),
    ]


def test_a_passage_without_speech_is_over_at_once() -> None:
    desk = Desk()
    desk.silence(3_000)
    assert desk.told == [] and desk.mark() == 1 and desk.told == [PassageOver(1)]


def test_where_the_client_says_that_there_is_speech_it_is_recognized_all_the_same() -> None:
    desk = Desk(whole=True)
    desk.silence(3_000)
    desk.mark()
    assert desk.spans == {1: (0, 3_000)}
    desk.finish(1, "mm")
    assert desk.text == "mm"


def test_clearing_forgets_what_was_not_marked() -> None:
    desk = Desk()
    desk.speech(960)
    desk.mark()
    desk.speech(960)
    desk.dictation.clear()
    desk.perform()
    assert desk.aborted == {2}
    desk.finish(1, "kept")
    desk.finish(2, "gone")
    desk.speech(960)
    desk.silence(800)
    desk.finish(3, "new")
    assert desk.text == "keptnew" and [each.passage for each in desk.told] == [1, 1, 3]


def test_clearing_forgets_what_the_detector_has_not_judged_yet() -> None:
    desk = Desk(whole=True)
    desk.sound(1_000, 1.0, judged=False)
    desk.mark()
    desk.sound(2_000, 1.0, judged=False)
    desk.dictation.clear()
    desk.sound(1_000, 1.0, judged=False)
    desk.judge(1.0)
    desk.mark()
    assert list(desk.spans.values()) == [(0, 1_000), (3_000, 4_000)]


def test_a_dead_detector_ends_what_is_under_way() -> None:
    desk = Desk()
    desk.speech(960)
    desk.sound(500, 1.0, judged=False)
    desk.mark()
    assert desk.dictation.failed(desk.epoch, "It died.") and not desk.dictation.failed(desk.epoch, "Again.")
    desk.perform()
    assert desk.aborted == {1}
    assert [(type(each), each.passage) for each in desk.told] == [(Missed, 1), (Missed, 2), (PassageOver, 1)]
    desk.sound(700_000, 0.0, judged=False)  # nobody listens, so nobody is behind


def test_audio_that_the_detector_cannot_keep_up_with_is_refused() -> None:
    desk = Desk()
    desk.sound(599_000, 0.0, judged=False)
    with pytest.raises(ClientFault):
        desk.sound(2_000, 0.0, judged=False)


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ClientFault):
        Desk().dictation.append(b"\0")


def test_the_format_cannot_change_in_the_middle_of_speech() -> None:
    desk = Desk()
    other = ListeningConfig(input_format=PCMU, transcription=None, turn_detection=None)
    desk.speech(960)
    with pytest.raises(ClientFault):
        desk.dictation.check(other)
    desk.silence(800)
    desk.dictation.check(other)
    desk.dictation.configure(other)
    assert any(isinstance(effect, effects.StartListening) and effect.format == PCMU for effect in desk.out)


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("speech"), st.integers(1, 40)),
        st.tuples(st.just("silence"), st.integers(1, 40)),
        st.tuples(st.just("unjudged"), st.integers(1, 40)),
        st.tuples(st.just("hear"), st.integers(0, 3)),
        st.tuples(st.just("finish"), st.integers(0, 3)),
        st.tuples(st.just("fail"), st.integers(0, 3)),
        st.tuples(st.just("mark"), st.just(0)),
        st.tuples(st.just("clear"), st.just(0)),
    ),
    max_size=60,
)


@given(ACTS, st.booleans())
def test_whatever_happens_segments_are_disjoint_texts_append_and_every_mark_comes_back_once(
    acts: list[tuple[str, int]], whole: bool
) -> None:
    desk = Desk(whole=whole)
    heard: dict[int, list[str]] = {}
    finished: set[int] = set()
    marks: list[int] = []
    for act, amount in acts:
        waiting = [job for job in desk.open if job not in finished and job not in desk.aborted]
        job = waiting[amount % len(waiting)] if waiting and act in ("hear", "finish", "fail") else 0
        match act:
            case "speech":
                desk.judge(1.0)
                desk.speech(amount * 100)
            case "silence":
                desk.judge(0.0)
                desk.silence(amount * 100)
            case "unjudged":
                desk.sound(amount * 100, 1.0, judged=False)
            case "mark":
                marks.append(desk.mark())
            case "clear":
                desk.dictation.clear()
                desk.perform()
            case "hear" if job:
                heard.setdefault(job, []).append(f"w{job}.{len(heard.get(job, []))}")
                desk.hear(job, " ".join(heard[job]))
            case "finish" if job and job in desk.spans:
                finished.add(job)
                desk.finish(job, " ".join([*heard.get(job, []), f"end{job}"]))
            case "fail" if job:
                finished.add(job)
                desk.fail(job)
    desk.judge(0.0)
    desk.silence(1_000)
    marks.append(desk.mark())
    for job in list(desk.open):
        if job not in finished and job not in desk.aborted:
            desk.finish(job, " ".join([*heard.get(job, []), f"end{job}"]))
    spans = sorted(desk.spans.values())
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))
    assert [each.passage for each in desk.told if isinstance(each, PassageOver)] == marks, "every mark comes back, once, in order"
    passages = [each.passage for each in desk.told]
    assert passages == sorted(passages), "nothing of a passage is told after its end"
    for number in marks:
        words = "".join(each.text for each in desk.told if isinstance(each, Said) and each.passage == number).split()
        jobs = [int(word.removeprefix("end").removeprefix("w").partition(".")[0]) for word in words]
        assert jobs == sorted(jobs) and len(set(words)) == len(words), "in order, and nothing twice"
