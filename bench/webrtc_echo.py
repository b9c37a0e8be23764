"""An agent that hears itself: a real server with its real detector, a call whose microphone hears the loudspeaker, and nobody who talks.

Run: `python -m bench.webrtc_echo [--answers N]`. Exit status 1 if a bar is missed.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Final

from bench.kit import BenchError, running_server
from bench.report import Report, arguments
from bench.webrtc_phone import Echo, Phone, open_phone
from vivavoce.testing.chat_server import ChatServer
from vivavoce.testing.script import Say

SELF_INTERRUPTIONS: Final = 1
"""The most there may be in ten answers of eight seconds."""

ANSWER: Final = (
    "Thank you for calling the coffee bar in the old station. Today we have a mild roast from Guatemala, "
    "a dark one from Sumatra, and fresh almond cake."
)
"""Eight seconds, more or less, whoever reads it."""

AFTER_S: Final = 1.5
"""How long is listened after an answer for what the agent may take for an answer to it."""

SETTLE_S: Final = 1.5

ECHO: Final = Echo()
_START_S, _ANSWER_S = 15.0, 30.0


@dataclass(frozen=True, slots=True)
class Alone:
    """What happened while an agent was alone with its echo."""

    answers: int
    seconds: float
    """Of audible answers."""
    noticed: int
    """Times the detector took something for speech."""
    interruptions: int
    """Answers that were cut off."""
    turns: int
    """Turns that nobody took, those that cut an answer off included."""

    @property
    def replies(self) -> int:
        """Turns taken after an answer was over: the agent answers itself."""
        return max(0, self.turns - self.interruptions)


async def measure(http_url: str, answers: int, echo: Echo = ECHO, seed: int = 0) -> Alone:
    """Have the agent give answers and count what it does to itself.

    Raises:
        BenchError: an answer never came.
    """
    session = {"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": None}}}}
    seconds = 0.0
    async with open_phone(http_url, session, seed, echo=echo) as phone:
        await asyncio.sleep(SETTLE_S)
        for _ in range(answers):
            seconds += await _answer(phone)
        return Alone(
            answers,
            seconds,
            len(phone.all("input_audio_buffer.speech_started")),
            len(phone.all("output_audio_buffer.cleared")),
            len(phone.all("input_audio_buffer.committed")),
        )


async def _answer(phone: Phone) -> float:
    """Ask for an answer, hear it out; return how long it was in s."""
    known = len(phone.all("output_audio_buffer.started"))
    await phone.send({"type": "response.create"})
    if not await phone.until(lambda: len(phone.all("output_audio_buffer.started")) > known, _START_S):
        raise BenchError(f"no answer was begun: {[event.body for event in phone.all('error')]}")
    begun_s = phone.all("output_audio_buffer.started")[known].at_s
    if not await phone.until(lambda: _silent(phone), _ANSWER_S):
        raise BenchError("an answer did not end")
    sounds = phone.connection.audible(begun_s - 0.1)
    await asyncio.sleep(AFTER_S)
    await phone.until(lambda: _silent(phone), _ANSWER_S)  # it may have answered itself meanwhile
    return sounds[-1] - sounds[0] if sounds else 0.0


def _silent(phone: Phone) -> bool:
    """Tell whether no response is under way and none is playing."""
    ended = len(phone.all("output_audio_buffer.stopped")) + len(phone.all("output_audio_buffer.cleared"))
    going = len(phone.all("response.created")) - len(phone.all("response.done"))
    return not going and len(phone.all("output_audio_buffer.started")) == ended


async def measure_embedded(answers: int, said: str = ANSWER) -> Alone:
    """Measure on a server of its own with the embedded detector, recognizer and voice; the words come from a script.

    Args:
        answers: how many.
        said: each of them.

    Raises:
        BenchError: it cannot be run here.
    """
    async with ChatServer(Say(said), repeat=True) as brain:
        server = running_server("embedded", {"VIVAVOCE_LLM_BASE_URL": brain.base_url, "VIVAVOCE_LLM_MODEL": "scripted"})
        running = await asyncio.to_thread(server.__enter__)
        try:
            return await measure(running.http_url, answers)
        finally:
            await asyncio.to_thread(server.__exit__, None, None, None)


def tell(out: Report, found: Alone) -> None:
    """Print what happened."""
    columns = ["answers", "seconds heard", "taken for speech", "cut off", "answered itself", "bar"]
    bar = f"cut off ≤ {_allowed(found):.0f}, answered itself 0"
    row = [str(found.answers), f"{found.seconds:.0f}", str(found.noticed), str(found.interruptions), str(found.replies), bar]
    title = f"echo end to end: the microphone hears the loudspeaker at {ECHO.level_db:.0f} dB after {ECHO.delay_ms:.0f} ms"
    out.table(title, columns, [row])
    out.add("echo", asdict(found))


def missed(found: Alone) -> list[str]:
    """Return the bars that were missed, as sentences."""
    said = []
    if found.interruptions > _allowed(found):
        said.append(f"the agent cut itself off {found.interruptions} times in {found.answers} answers")
    if found.replies:
        said.append(f"the agent answered itself {found.replies} times")
    return said


def _allowed(found: Alone) -> float:
    return max(SELF_INTERRUPTIONS, SELF_INTERRUPTIONS * found.answers // 10)


def main() -> None:
    parser = arguments(__doc__, "bench.webrtc_echo")
    parser.add_argument("--answers", type=int, default=10, help="answers of eight seconds")
    options = parser.parse_args()
    out = Report("An agent and its echo", "bench.webrtc_echo", options.json)
    try:
        found = asyncio.run(measure_embedded(options.answers))
    except BenchError as error:
        raise SystemExit(str(error)) from error
    tell(out, found)
    out.finish()
    if sentences := missed(found):
        raise SystemExit("bars missed: " + "; ".join(sentences))


if __name__ == "__main__":
    main()
