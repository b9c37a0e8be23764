"""Server events, one builder each, with the recorded key order. `type` and `event_id` lead; `stamp` adds the id."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


def error(fault: Event) -> Event:
    """Build `error` from the wire form of a fault."""
    return {"type": "error", "error": fault}


def session_created(session: Event) -> Event:
    """Build `session.created`."""
    return {"type": "session.created", "session": session}


def session_updated(session: Event) -> Event:
    """Build `session.updated`."""
    return {"type": "session.updated", "session": session}


def item_added(previous_item_id: str | None, item: Event) -> Event:
    """Build `conversation.item.added`."""
    return {"type": "conversation.item.added", "previous_item_id": previous_item_id, "item": item}


def item_done(previous_item_id: str | None, item: Event) -> Event:
    """Build `conversation.item.done`."""
    return {"type": "conversation.item.done", "previous_item_id": previous_item_id, "item": item}


def item_retrieved(item: Event) -> Event:
    """Build `conversation.item.retrieved`."""
    return {"type": "conversation.item.retrieved", "item": item}


def item_truncated(item_id: str, content_index: int, audio_end_ms: int) -> Event:
    """Build `conversation.item.truncated`."""
    return {
        "type": "conversation.item.truncated",
        "item_id": item_id,
        "content_index": content_index,
        "audio_end_ms": audio_end_ms,
    }


def item_deleted(item_id: str) -> Event:
    """Build `conversation.item.deleted`."""
    return {"type": "conversation.item.deleted", "item_id": item_id}


_TRANSCRIPTION = "conversation.item.input_audio_transcription"


def transcription_delta(item_id: str, content_index: int, delta: str, padding: str, logprobs: list[Event] | None = None) -> Event:
    """Build `conversation.item.input_audio_transcription.delta`."""
    event = {
        "type": f"{_TRANSCRIPTION}.delta",
        "item_id": item_id,
        "content_index": content_index,
        "delta": delta,
        "obfuscation": padding,
    }
    return event if logprobs is None else {**event, "logprobs": logprobs}


def transcription_segment(
    item_id: str, content_index: int, id: str, text: str, speaker: str, start_s: float, end_s: float
) -> Event:
    """Build `conversation.item.input_audio_transcription.segment`; times in seconds of the item's audio."""
    return {
        "type": f"{_TRANSCRIPTION}.segment",
        "item_id": item_id,
        "content_index": content_index,
        "id": id,
        "text": text,
        "speaker": speaker,
        "start": start_s,
        "end": end_s,
    }


def transcription_completed(
    item_id: str,
    content_index: int,
    transcript: str,
    usage: Event,
    logprobs: list[Event] | None = None,
    languages: list[str] | None = None,
) -> Event:
    """Build `conversation.item.input_audio_transcription.completed`; `languages` are codes, None where they are not to be told."""
    event = {
        "type": f"{_TRANSCRIPTION}.completed",
        "item_id": item_id,
        "content_index": content_index,
        "transcript": transcript,
        "usage": usage,
    }
    if languages is not None:
        event["languages"] = [{"code": code} for code in languages]
    return event if logprobs is None else {**event, "logprobs": logprobs}


def transcription_failed(item_id: str, content_index: int, message: str, code: str) -> Event:
    """Build `conversation.item.input_audio_transcription.failed`. `param` is a string: agents-js refuses null."""
    fault = {"type": "transcription_error", "code": code, "message": message, "param": ""}
    return {"type": f"{_TRANSCRIPTION}.failed", "item_id": item_id, "content_index": content_index, "error": fault}


def buffer_committed(previous_item_id: str | None, item_id: str) -> Event:
    """Build `input_audio_buffer.committed`."""
    return {"type": "input_audio_buffer.committed", "previous_item_id": previous_item_id, "item_id": item_id}


def buffer_cleared() -> Event:
    """Build `input_audio_buffer.cleared`."""
    return {"type": "input_audio_buffer.cleared"}


def speech_started(audio_start_ms: int, item_id: str) -> Event:
    """Build `input_audio_buffer.speech_started`; ms of audio written since the session started, prefix padding included."""
    return {"type": "input_audio_buffer.speech_started", "audio_start_ms": audio_start_ms, "item_id": item_id}


def speech_stopped(audio_end_ms: int, item_id: str) -> Event:
    """Build `input_audio_buffer.speech_stopped`; ms of audio written since the session started, silence window included."""
    return {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": audio_end_ms, "item_id": item_id}


def timeout_triggered(audio_start_ms: int, audio_end_ms: int, item_id: str) -> Event:
    """Build `input_audio_buffer.timeout_triggered`."""
    return {
        "type": "input_audio_buffer.timeout_triggered",
        "audio_start_ms": audio_start_ms,
        "audio_end_ms": audio_end_ms,
        "item_id": item_id,
    }


def response_created(response: Event) -> Event:
    """Build `response.created`."""
    return {"type": "response.created", "response": response}


def response_done(response: Event) -> Event:
    """Build `response.done`."""
    return {"type": "response.done", "response": response}


def output_item_added(response_id: str, output_index: int, item: Event) -> Event:
    """Build `response.output_item.added`."""
    return {"type": "response.output_item.added", "response_id": response_id, "output_index": output_index, "item": item}


def output_item_done(response_id: str, output_index: int, item: Event) -> Event:
    """Build `response.output_item.done`."""
    return {"type": "response.output_item.done", "response_id": response_id, "output_index": output_index, "item": item}


class PartEvents:
    """Builders of the events of one content part, which share four keys."""

    __slots__ = ("_where",)

    def __init__(self, response_id: str, item_id: str, output_index: int, content_index: int = 0) -> None:
        self._where = {
            "response_id": response_id,
            "item_id": item_id,
            "output_index": output_index,
            "content_index": content_index,
        }

    def added(self, part: Event) -> Event:
        """Build `response.content_part.added`."""
        return {"type": "response.content_part.added", **self._where, "part": part}

    def done(self, part: Event) -> Event:
        """Build `response.content_part.done`."""
        return {"type": "response.content_part.done", **self._where, "part": part}

    def text_delta(self, delta: str, padding: str) -> Event:
        """Build `response.output_text.delta`."""
        return {"type": "response.output_text.delta", **self._where, "delta": delta, "obfuscation": padding}

    def text_done(self, text: str) -> Event:
        """Build `response.output_text.done`."""
        return {"type": "response.output_text.done", **self._where, "text": text}

    def transcript_delta(self, delta: str, padding: str) -> Event:
        """Build `response.output_audio_transcript.delta`."""
        return {"type": "response.output_audio_transcript.delta", **self._where, "delta": delta, "obfuscation": padding}

    def transcript_done(self, transcript: str) -> Event:
        """Build `response.output_audio_transcript.done`."""
        return {"type": "response.output_audio_transcript.done", **self._where, "transcript": transcript}

    def audio_delta(self, base64_audio: str) -> Event:
        """Build `response.output_audio.delta`."""
        return {"type": "response.output_audio.delta", **self._where, "delta": base64_audio}

    def audio_done(self) -> Event:
        """Build `response.output_audio.done`."""
        return {"type": "response.output_audio.done", **self._where}


def call_delta(response_id: str, item_id: str, output_index: int, call_id: str, delta: str, padding: str) -> Event:
    """Build `response.function_call_arguments.delta`."""
    return {
        "type": "response.function_call_arguments.delta",
        "response_id": response_id,
        "item_id": item_id,
        "output_index": output_index,
        "call_id": call_id,
        "delta": delta,
        "obfuscation": padding,
    }


def call_done(response_id: str, item_id: str, output_index: int, call_id: str, name: str, arguments: str) -> Event:
    """Build `response.function_call_arguments.done`."""
    return {
        "type": "response.function_call_arguments.done",
        "response_id": response_id,
        "item_id": item_id,
        "output_index": output_index,
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }


def rate_limits_updated(limits: list[Event]) -> Event:
    """Build `rate_limits.updated`."""
    return {"type": "rate_limits.updated", "rate_limits": limits}


def output_audio_started(response_id: str) -> Event:
    """Build `output_audio_buffer.started`."""
    return {"type": "output_audio_buffer.started", "response_id": response_id}


def output_audio_stopped(response_id: str) -> Event:
    """Build `output_audio_buffer.stopped`."""
    return {"type": "output_audio_buffer.stopped", "response_id": response_id}


def output_audio_cleared(response_id: str) -> Event:
    """Build `output_audio_buffer.cleared`."""
    return {"type": "output_audio_buffer.cleared", "response_id": response_id}


def stamp(event: Event, event_id: str) -> Event:
    """Return the event with its id as the second key, as recorded."""
    kind = event.pop("type")
    return {"type": kind, "event_id": event_id, **event}
