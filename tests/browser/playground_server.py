"""A server process for the browser tests: `python playground_server.py '{"script": "order", "port": 0}'` prints its port and serves.

Everything but the engines is the real thing. `script` names one of `STACKS`; `settings` goes into `[server]`, `keys` are API keys. With
`profile` the server's own engines answer instead.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "server"))

from kit import ScriptedShelf, scripted, settings
from vivavoce.api.server import Server, build_server
from vivavoce.engines.ports import Capabilities
from vivavoce.logs import configure_logs
from vivavoce.models.shelf import EngineShelf
from vivavoce.models.stack import Stack
from vivavoce.sessions.service import VoiceService
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.script import Answer, CallTool, Say
from vivavoce.testing.synthesizer import ScriptedSynthesizer
from vivavoce.testing.translator import ScriptedTranslator

LONG = " ".join(
    f"Number {word} is on the list." for word in ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
)


class English(ScriptedRecognizer):
    """A scripted recognizer that understands English."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, languages=("en",))


def _stack(*answers: Any, hears: tuple[Any, ...] = ("hello there",), word_ms: float = 220.0) -> Stack:
    return scripted(
        brain=ScriptedBrain(*answers, repeat=True),
        recognizer=English(*hears, repeat=True),
        synthesizer=ScriptedSynthesizer(word_ms=word_ms),
    )


def _talk() -> Stack:
    return _stack(
        Answer([CallTool("orderDrink", {"coffeeDrink": "latte", "size": "large"}, pieces=3)], when="latte"),
        Answer([Say("Your order is placed.")], when="order_number"),
        Answer([Say(LONG)], when="list"),
        "Hello, what would you like?",
        hears=(Heard("a list of everything", partials=("a list",)),),
    )


def _captions() -> Stack:
    return _stack("No.", hears=(Heard("the quick brown fox", partials=("the quick",)),))


def _interpreter() -> Stack:
    translator = ScriptedTranslator(lambda request: " ".join(f"{word}o" for word in request.text.split()))
    return replace(_stack("No.", hears=("good morning to all of you",)), translator=translator)


MENU = (
    "We have espresso, americano, cappuccino, latte and mocha, hot or iced. The roast may be light, medium or dark, "
    "and there is whole milk, soy milk or almond milk. Sugar and cream are on the table."
)
SPEECH = {
    "Good morning, and welcome to our little coffee bar.": "Buenos días y bienvenidos a nuestro pequeño bar de café.",
    "Today we would like to show you how it all works.": "Hoy queremos mostrarles cómo funciona todo.",
    "You speak, and the words appear as they are spoken.": "Usted habla y las palabras aparecen a medida que se dicen.",
    "Nothing of what you hear leaves this machine.": "Nada de lo que oye sale de esta máquina.",
    "Take your time, and interrupt whenever you like.": "Tómese su tiempo e interrumpa cuando quiera.",
    "And now, what would you like to drink?": "Y ahora, ¿qué le gustaría beber?",
}
"""What the pictures of the documentation show: what is said, and its translation."""


def _pictures() -> Stack:
    brain = (
        Answer([CallTool("orderDrink", {"coffeeDrink": "latte", "size": "large", "milk": "soy milk"})], when="soy"),
        Answer([Say("Thank you. Order 42 will be ready in five minutes.")], when="order_number"),
        Answer([Say(MENU)], when="else do you"),
        Answer(
            [Say("Then the latte it is. Take a seat by the window, and I will bring it over as soon as it is ready.")],
            when="Just",
        ),
    )
    translator = ScriptedTranslator(lambda request: SPEECH.get(request.text, ""))
    return replace(_stack(*brain, hears=tuple(SPEECH)), translator=translator)


STACKS: dict[str, Callable[[], Stack]] = {
    "talk": _talk,
    "captions": _captions,
    "interpreter": _interpreter,
    "pictures": _pictures,
}


class Announced(Server):
    """A server that says where it is, once its engines are warm."""

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)


def main() -> None:
    """Serve until told to stop."""
    asked = json.loads(sys.argv[1])
    wanted = settings(keys=tuple(asked.get("keys", ())), **asked.get("settings", {}))
    wanted = replace(wanted, webrtc=replace(wanted.webrtc, **asked.get("webrtc", {})))
    if "profile" in asked:
        wanted = replace(wanted, profile=asked["profile"])
        shelf = EngineShelf(wanted)
    else:
        shelf = ScriptedShelf(STACKS[asked["script"]]())
    configure_logs("warning", json=True)
    server = build_server(wanted, VoiceService(wanted, shelf))
    server.__class__ = Announced
    server.run()


if __name__ == "__main__":
    main()
