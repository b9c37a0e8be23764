"""Scenarios: recordings to text, text to speech, one request each."""

from __future__ import annotations

import base64
import io
import json
import wave
from typing import Any

import openai
from scenarios import expect, silence, speech
from talk import client

PROMPT = "Hello there. What is the weather in Oslo? Stop please."
RATE_HZ = 24_000
SENTENCE = "Hello! How can I help you?"


async def a_recording_is_transcribed_in_every_form() -> str:
    """json, text, verbose_json with words, srt and vtt tell the same."""
    async with client() as web:
        files = web.audio.transcriptions
        told = await files.create(
            file=_recording(), model="gpt-4o-transcribe", prompt=PROMPT, language="en", include=["logprobs"]
        )
        expect("hello" in told.text.lower() and "weather" in told.text.lower(), f"it says {told.text!r}")
        expect(told.usage is not None and told.usage.type == "tokens", f"the usage is {told.usage}")
        expect(told.logprobs, "there are no probabilities")
        text = await files.create(file=_recording(), model="whisper-1", prompt=PROMPT, response_format="text")
        expect("hello" in str(text).lower(), f"it says {text!r}")
        granularities: Any = ["word", "segment"]
        verbose = await files.create(
            file=_recording(),
            model="whisper-1",
            prompt=PROMPT,
            response_format="verbose_json",
            timestamp_granularities=granularities,
        )
        expect(verbose.words and verbose.segments, f"without words or segments: {verbose}")
        times = [word.start for word in verbose.words or []]
        expect(times == sorted(times) and 0 < times[0] < verbose.duration, f"the words begin at {times}")
        srt = str(await files.create(file=_recording(), model="whisper-1", prompt=PROMPT, response_format="srt"))
        expect(srt.startswith("1\n00:00:0") and " --> " in srt, f"the subtitles are {srt!r}")
        vtt = str(await files.create(file=_recording(), model="whisper-1", prompt=PROMPT, response_format="vtt"))
        expect(vtt.startswith("WEBVTT\n\n"), f"the subtitles are {vtt!r}")
        return f"heard {told.text!r}"


async def a_recording_is_transcribed_as_it_is_heard() -> str:
    """`stream=True`: deltas that add up to the text, with languages and keywords."""
    async with client() as web:
        stream = await web.audio.transcriptions.create(
            file=_recording(), model="gpt-transcribe", languages=["en"], keywords=["hello", "weather", "Oslo"], stream=True
        )
        events = [event async for event in stream]
    text = "".join(event.delta for event in events if event.type == "transcript.text.delta")
    last = events[-1]
    expect(last.type == "transcript.text.done" and last.text == text and text, f"the deltas say {text!r}, the end {last}")
    return f"heard {text!r}"


async def a_recording_is_translated() -> str:
    """What is said in English already is told as it is."""
    async with client() as web:
        told = await web.audio.translations.create(file=_recording(), model="whisper-1", prompt=PROMPT)
        expect("hello" in told.text.lower(), f"it says {told.text!r}")
        return f"heard {told.text!r}"


async def a_recording_that_is_none_is_refused() -> None:
    """The error names the file, and is not tried again."""
    async with client() as web:
        try:
            await web.audio.transcriptions.create(file=("speech.wav", b"this is no sound"), model="gpt-transcribe")
        except openai.BadRequestError as error:
            expect(error.type == "invalid_request_error" and error.param == "file", f"the error is {error.body}")
        else:
            raise AssertionError("text was transcribed")


async def a_text_is_spoken() -> str:
    """PCM at once, MP3, WAV at another speed, and PCM in events with the usage at the end."""
    async with client() as web:
        say = web.audio.speech
        pcm = await _bytes(web, response_format="pcm")
        ms = len(pcm) * 1000 // (2 * RATE_HZ)
        expect(800 < ms < 10_000 and any(pcm), f"{ms} ms of PCM")
        mp3 = await _bytes(web, response_format="mp3", instructions="Speak slowly.")
        expect(mp3[:3] == b"ID3" or mp3[0] == 0xFF, f"no MP3: {mp3[:4]!r}")
        wav = await _bytes(web, response_format="wav", speed=2.0)
        expect(wav[:4] == b"RIFF", f"no WAV: {wav[:4]!r}")
        audio, usage = b"", None
        events = say.with_streaming_response.create(
            model="gpt-4o-mini-tts", voice="coral", input=SENTENCE, response_format="pcm", stream_format="sse"
        )
        async with events as response:
            expect(response.headers["content-type"].startswith("text/event-stream"), f"it is {response.headers['content-type']}")
            async for line in response.iter_lines():
                event = _event(line)
                if event.get("type") == "speech.audio.delta":
                    audio += base64.b64decode(event["audio"])
                elif event.get("type") == "speech.audio.done":
                    usage = event["usage"]
        expect(abs(len(audio) - len(pcm)) < len(pcm), f"{len(audio)} bytes of PCM in events, {len(pcm)} without")
        expect(usage and usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"], f"the usage is {usage}")
        return f"{ms} ms"


async def _bytes(web: openai.AsyncOpenAI, **options: Any) -> bytes:
    """Return a sentence's speech, read as it comes."""
    making = web.audio.speech.with_streaming_response.create(model="gpt-4o-mini-tts", voice="ash", input=SENTENCE, **options)
    async with making as response:
        return b"".join([chunk async for chunk in response.iter_bytes(1_024)])


def _event(line: str) -> dict[str, Any]:

    found: dict[str, Any] = json.loads(line.removeprefix("data: ")) if line.startswith("data: {") else {}
    return found


def _recording() -> tuple[str, bytes, str]:
    pcm = silence(400) + speech("hello") + silence(1_000) + speech("weather") + silence(400)
    return ("speech.wav", wav(pcm), "audio/wav")


def wav(pcm: bytes) -> bytes:
    """Return 16-bit PCM at 24 kHz as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE_HZ)
        writer.writeframes(pcm)
    return file.getvalue()
