"""A response that must call a function has one to call."""

from __future__ import annotations

from typing import Any

import pytest

from vivavoce.testing.simulator import Simulator

LOOK = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}


@pytest.mark.parametrize(
    ("choice", "tools"),
    [({"type": "function", "name": "look"}, []), ("required", []), ({"type": "function", "name": "x"}, [LOOK])],
)
def test_a_response_that_must_call_what_it_does_not_have_is_refused(choice: Any, tools: list[Any]) -> None:
    session = Simulator()
    session.client({"type": "response.create", "event_id": "mine", "response": {"tool_choice": choice, "tools": tools}})
    (error,) = session.of("error")
    assert (error["error"]["code"], error["error"]["param"], error["error"]["event_id"]) == (
        "invalid_value",
        "response.tool_choice",
        "mine",
    )
    assert not session.of("response.created")


def test_a_tool_choice_may_be_set_before_its_tool() -> None:
    session = Simulator()
    session.update(tool_choice={"type": "function", "name": "look"})
    session.update(tools=[LOOK])
    session.client({"type": "response.create"})
    assert session.of("response.created") and not session.of("error")
