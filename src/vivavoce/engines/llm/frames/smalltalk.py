"""Turns that are about no tool: greetings, thanks, goodbyes, calls for help or repetition, and sounds that are no words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from vivavoce.engines.llm.frames.state import Act
from vivavoce.engines.llm.frames.text import FILLERS, Word, find_phrase, texts
from vivavoce.engines.llm.frames.wordlists import phrase_list, word_set

_NOISES = FILLERS - {"okay", "ok", "please"} | word_set("noise silence inaudible unintelligible cough laughter music unk a the")


_TALK: tuple[tuple[Act, tuple[tuple[str, ...], ...]], ...] = (
    (
        Act.ASKED_PERSON,
        phrase_list(
            """talk to a human,speak to a human,talk to a person,speak to a person,speak to someone,talk to someone,real person,
            human agent,talk to an agent,speak to an agent,operator,representative,speak to a manager,talk to a manager"""
        ),
    ),
    (
        Act.ASKED_AGAIN,
        phrase_list(
            """say that again,say it again,repeat that,can you repeat,could you repeat,come again,pardon,pardon me,what did you say,
            i didn't hear,i didn't catch that,what was that,excuse me what,say again,once more"""
        ),
    ),
    (
        Act.ASKED_HELP,
        phrase_list(
            """what can you do,what can i do,help me,help,can you help me,what are my options,what do you do,how does this work,
            can you help me with something,i need help,what can you help with"""
        ),
    ),
    (
        Act.PARTED,
        phrase_list(
            """goodbye,good bye,bye,bye bye,see you,see you later,have a nice day,have a good day,that's all,that is all,
            that'll be all,nothing else,i'm done,that would be all"""
        ),
    ),
    (Act.THANKED, phrase_list("thank you,thanks,thank you very much,thank you so much,thanks a lot,many thanks,cheers")),
    (
        Act.GREETED,
        phrase_list(
            """hello,hi,hey,hello there,hi there,hey there,good morning,good afternoon,good evening,how are you,how are you doing,
            how's it going,how do you do,greetings,nice to meet you,what's up"""
        ),
    ),
)
_LOOSE = FILLERS | word_set(
    """you very much today please and with something me i can could a the to for now there again that is it no yes yeah"""
)


def is_unclear(words: Sequence[Word]) -> bool:
    """Tell whether there is nothing to act on: silence, noise marks, hesitation sounds (UA-03)."""
    return all(word.text in _NOISES for word in words)


@lru_cache(maxsize=4096)
def small_talk(words: tuple[Word, ...]) -> Act | None:
    """Return what kind of small talk the whole utterance is, or None if it holds anything else.

    "hello" is a greeting, "hello i'd like a latte" is not: whatever goes beyond courtesy is a request.
    """
    rest = texts(words)
    acts: list[Act] = []
    for act, phrases in _TALK:
        for phrase in phrases:
            if (at := find_phrase(rest, phrase)) >= 0:
                rest = [*rest[:at], *rest[at + len(phrase) :]]
                acts.append(act)
    if not acts or any(word not in _LOOSE for word in rest):
        return None
    return acts[0]
