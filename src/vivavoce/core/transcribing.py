"""Recognitions under way, and what the client is told of them: append-only deltas, one terminal event each.

A recognition that is over before its turn is kept until the turn is: there is no item yet that it could belong to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from vivavoce.core import effects
from vivavoce.core.effects import Effect
from vivavoce.core.hearing import Hearing, Segment, Turn
from vivavoce.core.inputs import Heard, RecognitionFailed, Recognized
from vivavoce.core.transcripts import Job, by_speaker, logprobs
from vivavoce.protocol import errors
from vivavoce.protocol import server_events as events
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.listening import ListeningConfig
from vivavoce.protocol.usage import transcription_usage

MAX_RECOGNITIONS: Final = 16
"""Recordings of one session that may be under recognition at once."""


class Transcribing:
    """The recognitions of one session.

    Args:
        hearing: whose turns they belong to.
        ids: the session's id source.
        out: the list effects are put into, shared with the session.
        send: tells the client.
    """

    def __init__(self, hearing: Hearing, ids: IdSource, out: list[Effect], send: Callable[[dict[str, Any]], None]) -> None:
        self._hearing = hearing
        self._ids = ids
        self._out = out
        self._send = send
        self.jobs: dict[int, Job] = {}
        self._early: Recognized | RecognitionFailed | None = None

    # --- jobs -------------------------------------------------------------------------------------------------------------------

    def check_room(self, more: int) -> None:
        """Check that so many more recordings may be recognized: each keeps its audio until it is understood (I10).

        Raises:
            ClientFault: too many are under way.
        """
        if more and len(self.jobs) + more > MAX_RECOGNITIONS:
            raise errors.too_many_recordings(MAX_RECOGNITIONS)

    def begin(self, number: int, job: Job) -> None:
        """Note that a recognition has begun."""
        self.jobs[number] = job

    def end(self, segment: Segment) -> None:
        """Note how long the audio of a recognition is, now that it has ended."""
        self.jobs.setdefault(segment.job, Job(segment.item_id, 0, segment.ms)).audio_ms = segment.ms

    def abandoned(self, turn: Turn | None) -> None:
        """Drop the recognition of a turn if the turn has been abandoned."""
        if turn is not None and self._hearing.turn is not turn:
            self.jobs.pop(turn.job, None)

    def gone(self, item_id: str) -> None:
        """Give up the recognitions of an item which is not in the conversation any more."""
        for number in [number for number, job in self.jobs.items() if job.item_id == item_id]:
            del self.jobs[number]
            self._out.append(effects.AbortRecognition(number))

    def pending(self, item_ids: set[str]) -> bool:
        """Tell whether anything of these items is still to be understood."""
        return any(job.item_id in item_ids for job in self.jobs.values())

    # --- results ----------------------------------------------------------------------------------------------------------------

    def take(self, result: Recognized | RecognitionFailed) -> Job | None:
        """Return the job a result ends; None where nobody waits for it, or not before the turn is over."""
        turn = self._hearing.turn
        if turn is not None and turn.job == result.job:
            self._early = result
            return None
        return self.jobs.pop(result.job, None)

    def take_early(self, job: int) -> Recognized | RecognitionFailed | None:
        """Return the result that was kept for a recognition whose turn is over now."""
        early, self._early = self._early, None
        return early if early is not None and early.job == job else None

    # --- telling ----------------------------------------------------------------------------------------------------------------

    def heard(self, heard: Heard, config: ListeningConfig) -> None:
        """Tell what is stable of a recognition under way, if it is to be told."""
        job, wanted = self.jobs.get(heard.job), config.transcription
        if job is not None and job.shown and wanted is not None and wanted.streaming:
            self._delta(job, job.extend(heard.text))

    def told(self, job: Job, text: str, config: ListeningConfig) -> None:
        """Tell more of what is said, where it is said once and for all."""
        if job.shown and config.transcription is not None:
            job.emitted += text
            self._delta(job, text)

    def completed(
        self, job: Job, final: Recognized, config: ListeningConfig, languages: Sequence[str] | None = None
    ) -> str | None:
        """Tell the whole of a recognition; return the transcript the client was given, None where it wants none.

        Args:
            job: whose end it is.
            final: all of it.
            config: what the client wants to know.
            languages: those that were heard, where it is made of several recognitions.
        """
        wanted = config.transcription
        if not job.shown or wanted is None:
            return None
        told = logprobs(final.words) if config.logprobs else None
        whole = not job.emitted
        delta, transcript = job.complete(final.text)
        self._delta(job, delta, told if whole else None)
        if wanted.diarizing:
            self._segments(job, final)
        usage = transcription_usage(wanted.model, job.audio_ms, transcript, wanted.prompt)
        heard = list(languages or filter(None, [final.language])) if wanted.detecting else None
        self._send(events.transcription_completed(job.item_id, job.content_index, transcript, usage, told, heard))
        self._out.append(effects.Transcribed(wanted.model, int(-(-job.audio_ms // 1000))))
        return transcript

    def failed(self, job: Job, failure: RecognitionFailed, config: ListeningConfig) -> None:
        """Tell that a recognition broke."""
        if job.shown and config.transcription is not None:
            self._send(events.transcription_failed(job.item_id, job.content_index, failure.message, failure.code))

    def _delta(self, job: Job, delta: str, told: list[dict[str, Any]] | None = None) -> None:
        if delta:
            self._send(events.transcription_delta(job.item_id, job.content_index, delta, self._ids.padding(delta), told))

    def _segments(self, job: Job, final: Recognized) -> None:
        for stretch in by_speaker(final.words):
            text = " ".join(word.text for word in stretch)
            start, end = stretch[0].start_ms / 1000, stretch[-1].end_ms / 1000
            speaker = stretch[0].speaker
            self._send(
                events.transcription_segment(job.item_id, job.content_index, self._ids.segment(), text, speaker, start, end)
            )
