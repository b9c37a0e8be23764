"""Talking to a server from the command line: the session, and what a file, a text or a person does with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vivavoce.audio.wav import write_wav
from vivavoce.cli.call.call import Call
from vivavoce.cli.call.clock import SAMPLE_RATE_HZ, Clock, start_clock
from vivavoce.cli.call.connect import connected
from vivavoce.cli.call.microphone import Microphone, VirtualMicrophone
from vivavoce.cli.call.speaker import Piece, Speaker, VirtualSpeaker
from vivavoce.cli.call.story import Story
from vivavoce.cli.call.together import until_one_ends
from vivavoce.cli.call.view import View
from vivavoce.cli.errors import Trouble

PATIENCE_S: Final = 60.0
"""How long an answer, heard to its end, may take."""


class Talk:
    """A conversation without tools.

    Args:
        view: where the transcripts go.
        instructions: for the agent; empty for the model's own.
        voice: the agent's; empty for the model's own.
    """

    def __init__(self, view: View, instructions: str = "", voice: str = "") -> None:
        self._view = view
        self._story = Story()
        self._session = _session(instructions, voice)
        self._troubles: list[str] = []

    async def play_file(self, address: str, model: str, api_key: str, pcm: NDArray[np.int16], out: Path | None) -> None:
        """Speak a recording as fast as it was spoken, and hear the answer to its end.

        Args:
            address: the server's base address.
            model: a public model name.
            api_key: the key.
            pcm: int16 at 24 kHz.
            out: where the answer goes, if anywhere.

        Raises:
            Trouble: the server cannot be reached, hung up, or did not answer.
        """
        async with connected(address, model, api_key) as connection:
            clock = start_clock()
            speaker, microphone = VirtualSpeaker(clock), VirtualMicrophone(clock)
            call = Call(connection, speaker, clock, self._observe, microphone=microphone)

            async def speak() -> None:
                await call.send(self._session)
                await microphone.say(pcm)
                await self._hear_out(call)

            try:
                await until_one_ends(call.run(), speak())
            finally:
                _keep(speaker.heard, out)

    async def write(self, address: str, model: str, api_key: str, text: str, out: Path | None) -> None:
        """Write one message, and hear the answer to its end; see `play_file`.

        Raises:
            Trouble: the server cannot be reached, hung up, or did not answer.
        """
        async with connected(address, model, api_key) as connection:
            clock = start_clock()
            speaker = VirtualSpeaker(clock)
            call = Call(connection, speaker, clock, self._observe)

            async def ask() -> None:
                await call.send(self._session)
                await _ask(call, text)
                await self._hear_out(call)

            try:
                await until_one_ends(call.run(), ask())
            finally:
                _keep(speaker.heard, out)

    async def converse(
        self, address: str, model: str, api_key: str, microphone: Microphone, speaker: Speaker, clock: Clock, text: str
    ) -> None:
        """Talk until interrupted.

        Args:
            address: the server's base address.
            model: a public model name.
            api_key: the key.
            microphone: the person's.
            speaker: the person's.
            clock: the call's time.
            text: a message to begin with, if any.

        Raises:
            Trouble: the server cannot be reached, or hung up.
        """
        async with connected(address, model, api_key) as connection:
            call = Call(connection, speaker, clock, self._observe, microphone=microphone)
            await call.send(self._session)
            if text:
                await _ask(call, text)
            await call.run()

    async def _hear_out(self, call: Call) -> None:
        if not await call.answered(0, PATIENCE_S):
            raise Trouble(f"no answer within {PATIENCE_S:.0f} s: is there speech in what was sent? The server's log may say more")
        if self._troubles:
            raise Trouble(self._troubles[0])
        if not self._story.answer:
            raise Trouble("the answer has no words: the server's log may say why")

    def _observe(self, sender: str, event: Mapping[str, Any], at_ms: float) -> None:
        lines = self._story.sent(event, at_ms) if sender == "client" else self._story.received(event, at_ms)
        self._troubles += [line.text for line in lines if sender == "server" and line.kind == "note"]
        self._view.show([line for line in lines if line.kind in _SHOWN])


_SHOWN: Final = frozenset({"caller", "agent", "note"})


def _session(instructions: str, voice: str) -> Mapping[str, Any]:
    pcm = {"type": "audio/pcm", "rate": SAMPLE_RATE_HZ}
    heard = {"format": pcm, "transcription": {"model": "gpt-4o-transcribe"}, "turn_detection": {"type": "server_vad"}}
    session: dict[str, Any] = {"type": "realtime", "audio": {"input": heard, "output": {"format": pcm}}}
    if instructions:
        session["instructions"] = instructions
    if voice:
        session["audio"]["output"]["voice"] = voice
    return {"type": "session.update", "session": session}


async def _ask(call: Call, text: str) -> None:
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await call.send({"type": "conversation.item.create", "item": message})
    await call.send({"type": "response.create"})


def _keep(heard: list[Piece], out: Path | None) -> None:
    if out is None or not heard:
        return
    try:
        write_wav(out, answer_of(heard), SAMPLE_RATE_HZ)
    except OSError as error:
        raise Trouble(f"--out {out} cannot be written: {error.strerror}") from error


def answer_of(heard: list[Piece]) -> NDArray[np.int16]:
    """Return what was heard, at least one piece, as one stretch of int16 samples with its pauses."""
    first = heard[0].start
    answer = np.zeros(heard[-1].end - first, np.int16)
    for piece in heard:
        answer[piece.start - first : piece.end - first] = piece.pcm
    return answer
