"""What people say to an assistant whatever it is for: short turns, and the words around a request.

Everyday English written down for this engine; the shares were set on recorded orders that no figure is reported on.
"""

from __future__ import annotations

GREETINGS = ("hi", "hello", "hey", "hi there", "hello there", "good morning", "good afternoon", "good evening")

AGREEMENT = (
    *(
        "yes",
        "yeah",
        "yep",
        "yup",
        "sure",
        "okay",
        "ok",
        "alright",
        "right",
        "correct",
        "exactly",
        "absolutely",
        "of course",
        "fine",
    ),
    *(
        "yes please",
        "yeah please",
        "sure thing",
        "go ahead",
        "yes go ahead",
        "that's right",
        "that's correct",
        "yes that's right",
    ),
    *(
        "yes that's correct",
        "that is right",
        "that is correct",
        "yes it is",
        "yes i do",
        "yes i would",
        "sounds good",
        "that sounds good",
    ),
    *(
        "perfect",
        "great",
        "looks good",
        "that's fine",
        "that's good",
        "that works",
        "yes that's fine",
        "i do",
        "please do",
        "confirm",
    ),
)

REFUSAL = (
    *("no", "nope", "nah", "no thanks", "no thank you", "not really", "no way", "not now", "never mind", "cancel", "cancel that"),
    *("cancel it", "stop", "wait", "hold on", "wait a minute", "one moment", "just a second", "no that's wrong", "that's wrong"),
    *(
        "that's not right",
        "that's not what i said",
        "that is wrong",
        "no that's not right",
        "no wait",
        "actually no",
        "i don't know",
    ),
    *(
        "i'm not sure",
        "i don't want that",
        "forget it",
        "start over",
        "let's start over",
        "go back",
        "none",
        "nothing",
        "nothing else",
    ),
    *(
        "that's all",
        "that's it",
        "that is all",
        "that will be all",
        "that'll be all",
        "no that's all",
        "no that's it",
        "i'm done",
    ),
)

COURTESY = (
    *(
        "thank you",
        "thanks",
        "thank you very much",
        "thanks a lot",
        "thank you so much",
        "okay thank you",
        "great thank you",
        "please",
    ),
    *("you're welcome", "bye", "goodbye", "bye bye", "see you", "have a nice day", "have a good day", "thanks bye", "good night"),
    *("sorry", "excuse me", "i'm sorry", "how are you", "hi how are you", "fine thanks", "i'm good thanks", "nice to meet you"),
)

QUESTIONS = (
    *(
        "what",
        "pardon",
        "what did you say",
        "can you repeat that",
        "could you repeat that",
        "say that again",
        "can you say that again",
    ),
    *(
        "repeat that please",
        "come again",
        "can you hear me",
        "are you there",
        "help",
        "help me",
        "can you help me",
        "i need help",
    ),
    *(
        "can you help me with something",
        "what can you do",
        "who are you",
        "what do you have",
        "what are my options",
        "how much is it",
    ),
    *(
        "how much is that",
        "how long will it take",
        "when will it be ready",
        "where are you",
        "what time is it",
        "i have a question",
    ),
    *("can i speak to a person", "i want to talk to a person", "operator", "agent", "slow down", "louder please", "one second"),
)

OPENINGS = (
    *(
        "can i have",
        "could i have",
        "may i have",
        "can i get",
        "could i get",
        "can i please have",
        "could i please get",
        "may i get",
    ),
    *(
        "i'd like",
        "i would like",
        "i'd like to have",
        "i would like to have",
        "i want",
        "i need",
        "i'll have",
        "i'll take",
        "i'll get",
    ),
    *(
        "give me",
        "get me",
        "make me",
        "bring me",
        "let me have",
        "let me get",
        "please give me",
        "please get me",
        "please make me",
    ),
    *(
        "can you give me",
        "could you give me",
        "can you make me",
        "could you make me",
        "can you get me",
        "could you get me",
        "i want to have",
    ),
    *(
        "i'd like to get",
        "i would like to get",
        "i'm looking for",
        "how about",
        "let's have",
        "just",
        "please",
        "can i do",
        "i want to get",
    ),
    *("can you please make me", "could you please make me", "can you please get me", "would you please give me", "i wanna have"),
)
"""Come before what is wanted."""

INTENTIONS = (
    *(
        "can you",
        "could you",
        "please",
        "can you please",
        "could you please",
        "i want to",
        "i'd like to",
        "i would like to",
        "i need to",
    ),
    *("would you", "let's", "can i", "could i", "may i", "i want you to", "i'd like you to", "will you", "how do i", "help me"),
)
"""Come before a verb."""

CORRECTIONS = (
    "make it",
    "make that",
    "change it to",
    "change that to",
    "set it to",
    "actually",
    "no",
    "i said",
    "i meant",
    "not",
    "instead",
)
"""Come before a value that replaces another."""

CLOSINGS = (
    "please",
    "thanks",
    "thank you",
    "thank you very much",
    "for me",
    "for me please",
    "too",
    "instead",
    "as well",
    "and that's it",
)

JOINTS = (
    *(
        ("and",) * 6
        + ("with",) * 6
        + ("and a", "with a", "with the", "and the")
        + ("and with", "of", "in", "on", "for", "at", "to", "from")
    ),
    *("in the", "on the", "at the", "to the", "or", "plus"),
)
"""Stand between two things wanted, when anything does."""

ARTICLES = ("a", "a", "a", "the", "one", "some", "an", "my", "another")

NEGATIONS = ("no", "without", "not", "without any")

HESITATIONS = ("um", "uh", "well", "so", "okay", "yeah", "oh")

SHORT_TURNS = (*GREETINGS, *AGREEMENT, *REFUSAL, *COURTESY, *QUESTIONS)
