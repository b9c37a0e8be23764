"""What a short reply means: a clear yes, a no, a maybe, a wish to stop. Consent is strict, everything else is lenient.

Anything that is not plainly a yes is not consent (TE-09): "maybe", "i guess", "not sure", and a yes that comes with words nobody
can place.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache

from vivavoce.engines.llm.frames.text import FILLERS, Word, find_phrase, texts
from vivavoce.engines.llm.frames.wordlists import phrase_list, word_set


class Reply(Enum):
    """The gist of a reply."""

    YES = "yes"
    NO = "no"
    VAGUE = "vague"
    CANCEL = "cancel"
    OTHER = "other"


_CANCEL = phrase_list(
    """cancel,cancel that,cancel it,cancel the order,never mind,nevermind,forget it,forget about it,forget that,stop it,drop it,
    scrap that,abort,leave it,i changed my mind,i've changed my mind,call it off"""
)
_VAGUE = phrase_list(
    """maybe,perhaps,i guess,i guess so,i think,i think so,i suppose,i suppose so,not sure,i'm not sure,i am not sure,probably,kind of,
    sort of,possibly,i don't know,don't know,not yet,wait,hold on,one moment,a moment,hang on,let me think,hmm maybe,could be,might be,
    depends,it depends,we'll see,whatever,either"""
)
_NO = phrase_list(
    """no,nope,nah,no way,not really,don't,do not,please don't,wrong,that's wrong,that is wrong,incorrect,not right,not correct,
    isn't right,isn't correct,not quite,stop,negative,no thanks,no thank you,not that,absolutely not,of course not,definitely not"""
)
_YES = phrase_list(
    """yes,yeah,yep,yup,ya,yah,yes please,sure,sure thing,correct,that's correct,that is correct,right,that's right,that is right,
    exactly,perfect,go ahead,please do,do it,do that,sounds good,sounds great,sounds right,looks good,that's it,that is it,confirm,
    confirmed,i confirm,absolutely,of course,definitely,certainly,that's fine,that is fine,fine,uh huh,mm hmm,mhm,affirmative,
    that works,works for me,you got it,okay,ok,alright,all right,that's good,that's great,good,great,please,why not,by all means"""
)
_WEAK_YES = word_set("okay ok alright good great fine please right")
_COURTESY = FILLERS | word_set(
    """thanks thank you it is that's that i want would like very much now then the this all be indeed my friend sir madam
    ma'am you're totally just and with a an order"""
)


@lru_cache(maxsize=4096)
def read_reply(words: tuple[Word, ...], topic: frozenset[str] = frozenset()) -> Reply:
    """Classify a reply.

    Args:
        words: the utterance.
        topic: words that may accompany a yes without changing it: the values just read back, the name of the action.

    Returns:
        YES only when nothing but assent, courtesy and `topic` was said.
    """
    rest = texts(words)
    if not rest:
        return Reply.OTHER
    rest, cancelled = _strip(rest, _CANCEL)
    rest, vague = _strip(rest, _VAGUE)
    rest, refused = _strip(rest, _NO)
    rest, agreed = _strip(rest, _YES)
    content = [word for word in rest if word not in _COURTESY and word not in topic]
    if cancelled:
        return Reply.CANCEL
    if vague:
        return Reply.VAGUE
    if refused:
        return Reply.VAGUE if agreed and not _only_weak(texts(words)) else Reply.NO
    if agreed:
        return Reply.OTHER if content else Reply.YES
    return Reply.OTHER


def _strip(words: list[str], phrases: Sequence[tuple[str, ...]]) -> tuple[list[str], bool]:
    """Take every occurrence of `phrases`, longest first, out of `words`; tell whether there was one."""
    found = False
    for phrase in phrases:
        while (at := find_phrase(words, phrase)) >= 0:
            words = [*words[:at], "", *words[at + len(phrase) :]]
            found = True
    return [word for word in words if word] if found else words, found


def _only_weak(words: Sequence[str]) -> bool:
    strong = [phrase for phrase in _YES if not set(phrase) <= _WEAK_YES and find_phrase(words, phrase) >= 0]
    return not strong
