"""openai-python: `client.realtime.connect`, event by event, and what of the client's other resources is spoken, heard or thought."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

import errors
import files
import items
import responses
import transcribing
import turns
import writing
from scenarios import run

import sessions

run(
    "openai-python",
    version("openai"),
    [
        sessions.a_session_and_its_configuration,
        sessions.models_are_listed,
        sessions.two_sessions_at_once,
        sessions.a_client_secret_opens_the_session_it_was_made_for,
        sessions.a_lost_connection_is_opened_again,
        sessions.a_wrong_key_and_an_unknown_model_are_refused_at_the_door,
        responses.a_text_turn,
        responses.a_spoken_answer_to_a_text,
        responses.a_function_call_round_with_a_preamble,
        responses.parallel_calls_with_outputs_out_of_order,
        responses.an_out_of_band_response_beside_the_conversation,
        responses.a_response_is_cancelled,
        responses.an_answer_is_cut_at_the_token_limit,
        responses.a_backend_that_fails_fails_one_response,
        turns.a_spoken_turn_with_transcription,
        turns.a_spoken_turn_with_semantic_vad,
        turns.a_manual_turn,
        turns.a_barge_in,
        turns.g711_both_ways,
        turns.an_idle_time_out,
        items.items_are_placed_retrieved_and_deleted,
        items.spoken_audio_is_retrieved,
        items.what_was_not_heard_is_forgotten,
        items.history_is_brought_along,
        errors.errors_keep_the_session,
        errors.a_bad_update_changes_nothing,
        transcribing.a_session_of_turns_is_transcribed,
        transcribing.a_model_alone_opens_a_session_that_transcribes,
        transcribing.words_come_before_the_commit,
        transcribing.what_a_transcriber_cannot_do_is_refused,
        transcribing.a_secret_opens_a_session_that_transcribes,
        transcribing.speech_is_translated_while_it_goes_on,
        transcribing.a_secret_opens_a_session_that_translates,
        files.a_recording_is_transcribed_in_every_form,
        files.a_recording_is_transcribed_as_it_is_heard,
        files.a_recording_is_translated,
        files.a_recording_that_is_none_is_refused,
        files.a_text_is_spoken,
        writing.a_chat_is_completed,
        writing.a_chat_hears_and_speaks,
        writing.a_response_is_made,
        writing.a_response_calls_a_function,
        writing.a_response_that_fails_is_tried_again_by_the_client,
    ],
)
