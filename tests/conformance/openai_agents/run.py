"""openai-agents: `RealtimeRunner` over its own WebSocket model, and `VoicePipeline` over transcription, responses and speech."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

os.environ["OPENAI_AGENTS_DISABLE_TRACING"] = "1"  # nothing is to leave this machine

import talking
import tools
import voice
from scenarios import run

run(
    "openai-agents (Python)",
    version("openai-agents"),
    [
        talking.a_text_is_answered_aloud,
        talking.the_default_settings_work,
        talking.answers_in_text,
        talking.a_spoken_turn,
        talking.a_committed_turn,
        talking.an_interruption_by_the_application,
        talking.a_barge_in,
        talking.a_playback_tracker_says_what_was_heard,
        talking.the_history_is_kept_up_to_date,
        talking.the_agent_is_replaced,
        talking.an_error_is_an_event,
        tools.a_tool_is_called,
        tools.an_asynchronous_tool_is_called,
        tools.parallel_tools,
        tools.a_handoff,
        tools.a_guardrail_trips,
        tools.an_approved_call_runs,
        tools.a_rejected_call_does_not_run,
        voice.a_recording_is_answered,
        voice.a_recording_calls_a_tool,
        voice.floats_are_taken_and_given,
        voice.a_stream_is_heard_turn_by_turn,
        voice.a_stream_may_end_in_the_middle_of_a_turn,
        voice.a_stream_with_settings_of_its_own,
        voice.a_stream_of_nothing_ends_in_good_order,
        voice.a_text_agent_answers,
        voice.a_text_agent_hands_over,
    ],
)
