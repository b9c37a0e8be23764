"""The invariants of the event stream, checked over any list of server events of one session (design: I1 to I4, I8, I9).

On a call the playout is told of too: a response that sounds is started at most once, and then stopped or cleared, stopped only after its
`response.done`; a `cleared` may come again, since clients that clear when nothing plays are answered with one.
"""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


class Broken(AssertionError):
    """An invariant does not hold; the message names it and the event."""


def check_stream(events: list[Event], *, ended: bool = False) -> None:
    """Check a session's events in order.

    Args:
        events: all server events of the session so far.
        ended: whether every response must have ended by now.

    Raises:
        Broken: an invariant does not hold.
    """
    checker = StreamChecker()
    for event in events:
        checker.see(event)
    if ended:
        checker.end()


class StreamChecker:
    """Checks a session's events one by one, as they come.

    Attributes:
        active: the responses that are under way, by id.
    """

    def __init__(self) -> None:
        self.active: dict[str, Event] = {}
        self._done: set[str] = set()
        self._order: list[str] = []
        self._added: set[str] = set()
        self._ids: set[str] = set()
        self._open_items: dict[str, dict[str, int]] = {}
        self._texts: dict[tuple[str, str], str] = {}
        self._parts: set[str] = set()
        self._closed_items: set[str] = set()
        self._next_done: dict[str, int] = {}
        self._done_items: set[str] = set()
        self._transcripts: dict[tuple[str, int], str | None] = {}
        """User audio by item and part: what the deltas said so far; None once it is complete or has failed."""
        self._heard_to_ms = 0
        """The input's audio up to here is in an item."""
        self._turn_ms: int | None = None
        self._started: set[str] = set()
        self._silent: set[str] = set()
        """Responses that were stopped or cleared."""

    def see(self, event: Event) -> None:
        """Check the next event.

        Raises:
            Broken: an invariant does not hold.
        """
        self._fresh(event["event_id"])
        response = event.get("response_id") or event.get("response", {}).get("id")
        if event["type"] == "response.created":
            self._created(event["response"])
        elif response is not None and response not in self.active and not event["type"].startswith("output_audio_buffer."):
            raise Broken(f"I1: {event['type']} of {response}, which is not active")
        handler = getattr(self, "_on_" + event["type"].replace(".", "_"), None)
        if handler is not None:
            handler(event)

    def end(self) -> None:
        """Check that everything that was begun has been brought to its end.

        Raises:
            Broken: something was not.
        """
        if self.active:
            raise Broken(f"I1: responses without response.done: {sorted(self.active)}")
        if self._parts:
            raise Broken(f"I2: open parts: {sorted(self._parts)}")
        if not_done := self._added - self._done_items:
            raise Broken(f"I2: items without conversation.item.done: {sorted(not_done)}")
        if sounding := self._started - self._silent:
            raise Broken(f"playout: started, and neither stopped nor cleared: {sorted(sounding)}")

    def _on_output_audio_buffer_started(self, event: Event) -> None:
        response = event["response_id"]
        if response in self._started or response in self._silent:
            raise Broken(f"playout: {response} started twice, or after its end")
        self._started.add(response)

    def _on_output_audio_buffer_stopped(self, event: Event) -> None:
        response = event["response_id"]
        if response not in self._started or response in self._silent:
            raise Broken(f"playout: {response} stopped without having started, or twice, or after having been cleared")
        if response not in self._done:
            raise Broken(f"playout: {response} stopped before its response.done")
        self._silent.add(response)

    def _on_output_audio_buffer_cleared(self, event: Event) -> None:
        if event["response_id"] not in self._done and event["response_id"] not in self.active:
            raise Broken(f"playout: {event['response_id']} cleared, which was never created")
        self._silent.add(event["response_id"])

    def _fresh(self, event_id: str) -> None:
        if event_id in self._ids:
            raise Broken(f"event id {event_id} sent twice")
        self._ids.add(event_id)

    def _created(self, response: Event) -> None:
        if response["conversation_id"] and any(other["conversation_id"] for other in self.active.values()):
            raise Broken("I4: two responses of the default conversation are active")
        if response["id"] in self._done:
            raise Broken(f"I1: {response['id']} created again")
        self.active[response["id"]] = response
        self._open_items[response["id"]] = {}
        self._next_done[response["id"]] = 0

    def _on_response_done(self, event: Event) -> None:
        response = event["response"]
        if self._open_items[response["id"]]:
            raise Broken(f"I2: {response['id']} done with open items {self._open_items[response['id']]}")
        usage = response["usage"]
        details_in, details_out = usage["input_token_details"], usage["output_token_details"]
        if usage["input_tokens"] != sum(details_in[kind] for kind in ("text_tokens", "audio_tokens", "image_tokens")):
            raise Broken("I9: input tokens do not add up")
        if usage["output_tokens"] != details_out["text_tokens"] + details_out["audio_tokens"]:
            raise Broken("I9: output tokens do not add up")
        if usage["total_tokens"] != usage["input_tokens"] + usage["output_tokens"]:
            raise Broken("I9: total tokens do not add up")
        del self.active[response["id"]]
        self._done.add(response["id"])

    def _on_conversation_item_added(self, event: Event) -> None:
        item_id, previous = event["item"]["id"], event["previous_item_id"]
        if item_id in self._added:
            raise Broken(f"I3: {item_id} added twice")
        if previous is not None and previous not in self._order:
            raise Broken(f"I3: {previous} is no item")
        self._added.add(item_id)
        self._order.insert(0 if previous is None else self._order.index(previous) + 1, item_id)

    def _on_conversation_item_done(self, event: Event) -> None:
        if event["item"]["id"] in self._done_items:
            raise Broken(f"I2: {event['item']['id']} done twice")
        self._done_items.add(event["item"]["id"])
        place = self._order.index(event["item"]["id"])
        if event["previous_item_id"] != (self._order[place - 1] if place else None):
            raise Broken(f"I3: wrong predecessor of {event['item']['id']}")

    def _on_conversation_item_deleted(self, event: Event) -> None:
        self._order.remove(event["item_id"])
        self._added.discard(event["item_id"])
        self._done_items.discard(event["item_id"])

    def _on_input_audio_buffer_speech_started(self, event: Event) -> None:
        if event["audio_start_ms"] < self._heard_to_ms:
            raise Broken(f"I8: a turn begins at {event['audio_start_ms']} ms, within the one before, to {self._heard_to_ms} ms")
        self._turn_ms = event["audio_start_ms"]

    def _on_input_audio_buffer_speech_stopped(self, event: Event) -> None:
        if self._turn_ms is None or event["audio_end_ms"] < self._turn_ms:
            raise Broken(f"I8: a turn from {self._turn_ms} ms ends at {event['audio_end_ms']} ms")
        self._heard_to_ms, self._turn_ms = event["audio_end_ms"], None

    def _on_input_audio_buffer_timeout_triggered(self, event: Event) -> None:
        if not self._heard_to_ms <= event["audio_start_ms"] <= event["audio_end_ms"]:
            raise Broken(
                f"I8: silence from {event['audio_start_ms']} to {event['audio_end_ms']} ms, after {self._heard_to_ms} ms"
            )
        self._heard_to_ms = event["audio_end_ms"]

    def _on_conversation_item_input_audio_transcription_delta(self, event: Event) -> None:
        key = (event["item_id"], event["content_index"])
        said = self._transcripts.get(key, "")
        if said is None:
            raise Broken(f"I2: a transcription delta of {event['item_id']} after its end")
        self._transcripts[key] = said + event["delta"]

    def _on_conversation_item_input_audio_transcription_completed(self, event: Event) -> None:
        said = self._end_transcript(event)
        if said and said != event["transcript"]:
            raise Broken(f"I2: {event['item_id']} was said to be {event['transcript']!r}, its deltas said {said!r}")

    def _on_conversation_item_input_audio_transcription_failed(self, event: Event) -> None:
        self._end_transcript(event)

    def _end_transcript(self, event: Event) -> str:
        key = (event["item_id"], event["content_index"])
        said = self._transcripts.get(key, "")
        if said is None:
            raise Broken(f"I2: the transcription of {event['item_id']} ends twice")
        self._transcripts[key] = None
        return said

    def _on_input_audio_buffer_committed(self, event: Event) -> None:
        if event["previous_item_id"] != (self._order[-1] if self._order else None):
            raise Broken(f"I3: {event['item_id']} committed after {event['previous_item_id']}")

    def _on_response_output_item_added(self, event: Event) -> None:
        if event["output_index"] != len(self._open_items[event["response_id"]]) + self._next_done[event["response_id"]]:
            raise Broken("I2: output_index skips")
        self._open_items[event["response_id"]][event["item"]["id"]] = event["output_index"]

    def _on_response_output_item_done(self, event: Event) -> None:
        item = event["item"]
        index = self._open_items[event["response_id"]].pop(item["id"], None)
        if index is None or index != self._next_done[event["response_id"]]:
            raise Broken(f"I2: {item['id']} closed out of order or twice")
        self._next_done[event["response_id"]] += 1
        if item["id"] in self._parts:
            raise Broken(f"I2: {item['id']} closed with an open part")
        self._closed_items.add(item["id"])
        text = self._texts.get((item["id"], "text"), "")
        shown = item.get("arguments")
        if shown is None:
            shown = "".join(part.get("text") or part.get("transcript") or "" for part in item["content"])
        if shown != text:
            raise Broken(f"I2: {item['id']} says {shown!r}, its deltas said {text!r}")

    def _on_response_content_part_added(self, event: Event) -> None:
        self._open(event)
        self._parts.add(event["item_id"])

    def _on_response_content_part_done(self, event: Event) -> None:
        self._parts.remove(event["item_id"])
        self._equal(event, event["part"].get("text", event["part"].get("transcript")))

    def _on_response_output_text_delta(self, event: Event) -> None:
        self._delta(event)

    def _on_response_output_audio_transcript_delta(self, event: Event) -> None:
        self._delta(event)

    def _on_response_output_audio_delta(self, event: Event) -> None:
        self._open(event)

    def _on_response_function_call_arguments_delta(self, event: Event) -> None:
        self._delta(event)

    def _on_response_output_text_done(self, event: Event) -> None:
        self._equal(event, event["text"])

    def _on_response_output_audio_transcript_done(self, event: Event) -> None:
        self._equal(event, event["transcript"])

    def _on_response_function_call_arguments_done(self, event: Event) -> None:
        self._equal(event, event["arguments"])

    def _delta(self, event: Event) -> None:
        self._open(event)
        key = (event["item_id"], "text")
        self._texts[key] = self._texts.get(key, "") + event["delta"]

    def _open(self, event: Event) -> None:
        if event["item_id"] not in self._open_items[event["response_id"]]:
            raise Broken(f"I2: {event['type']} of {event['item_id']}, which is not open")

    def _equal(self, event: Event, shown: str) -> None:
        text = self._texts.get((event["item_id"], "text"), "")
        if shown != text:
            raise Broken(f"I2: {event['type']} says {shown!r}, its deltas said {text!r}")
