"""Schemas as JSON Schema: what a schema accepts, its document allows, and what the document forbids, the schema refuses."""

from __future__ import annotations

from typing import Any

import pytest

from vivavoce.protocol import errors
from vivavoce.protocol.schema import (
    NEVER,
    Also,
    Anything,
    Choice,
    Either,
    Flag,
    Integer,
    Items,
    Map,
    Nullable,
    Number,
    Record,
    Schema,
    Tagged,
    Text,
)
from vivavoce.protocol.schema_document import json_schema


def refuse(value: Any, path: str) -> Any:
    raise errors.unsupported(path)


REFUSED = Also(Anything(), refuse, NEVER)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (Anything(), {}),
        (Text(), {"type": "string"}),
        (Text(8, 1), {"type": "string", "minLength": 1, "maxLength": 8}),
        (Flag(), {"type": "boolean"}),
        (Integer(0, 9), {"type": "integer", "minimum": 0, "maximum": 9}),
        (Number(None, 1), {"type": "number", "maximum": 1}),
        (Choice(("a", "b")), {"type": "string", "enum": ["a", "b"]}),
        (Items(Flag(), 3), {"type": "array", "items": {"type": "boolean"}, "maxItems": 3}),
        (Nullable(Text()), {"type": ["string", "null"]}),
        (Nullable(Choice(("a",))), {"type": ["string", "null"], "enum": ["a", None]}),
        (Nullable(Anything()), {}),
        (Nullable(REFUSED), {"type": "null"}),
        (Either("", text=Choice(("inf",)), number=Integer(1)), {
            "anyOf": [{"type": "string", "enum": ["inf"]}, {"type": "integer", "minimum": 1}]
        }),
        (Either("", text=Text(), record=REFUSED), {"type": "string"}),
        (Also(Items(Flag()), refuse, {"minItems": 1}), {"type": "array", "items": {"type": "boolean"}, "minItems": 1}),
        (Map(2, 3, 4), {
            "type": "object",
            "maxProperties": 2,
            "propertyNames": {"maxLength": 3},
            "additionalProperties": {"type": "string", "maxLength": 4},
        }),
        (Record({"a": Flag()}, ("a",)), {
            "type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"], "additionalProperties": False
        }),
        (Record({}, extra="keep"), {"type": "object", "properties": {}, "additionalProperties": True}),
    ],
)  # fmt: skip
def test_every_schema_has_a_document(schema: Schema, expected: dict[str, Any]) -> None:
    assert json_schema(schema) == expected


def test_each_record_of_several_is_told_by_its_tag() -> None:
    records = Tagged({"a": Record({"type": Anything(), "x": Flag()}, ("x",)), "b": Record({}), "never": REFUSED}, default="b")
    assert json_schema(records) == {
        "anyOf": [
            {
                "type": "object",
                "properties": {"type": {"type": "string", "const": "a"}, "x": {"type": "boolean"}},
                "required": ["type", "x"],
                "additionalProperties": False,
            },
            {"type": "object", "properties": {"type": {"type": "string", "const": "b"}}, "additionalProperties": False},
        ]
    }


def test_a_schema_of_ones_own_says_itself_what_it_accepts() -> None:
    class Even:
        def check(self, value: Any, path: str) -> Any:
            return value

        def described(self) -> dict[str, Any]:
            return {"type": "integer", "multipleOf": 2}

    assert json_schema(Nullable(Even())) == {"type": ["integer", "null"], "multipleOf": 2}


def test_a_schema_nobody_has_described_is_an_error_not_a_gap() -> None:
    class Silent:
        def check(self, value: Any, path: str) -> Any:
            return value

    with pytest.raises(TypeError, match="Silent"):
        json_schema(Silent())
