"""The routes as a table for people: `python -m vivavoce.api.openapi.table` prints what `docs/http.md` shows."""

from __future__ import annotations

from vivavoce.api.openapi.operation import Operation
from vivavoce.api.openapi.operations import OPERATIONS


def table() -> str:
    """Return the routes as a Markdown table."""
    rows = ("| Route | Does | Takes | Answers |", "|---|---|---|---|", *map(_row, OPERATIONS))
    return "\n".join(rows) + "\n"


def _row(operation: Operation) -> str:
    taken = ", ".join(operation.body)
    answered = ", ".join(dict.fromkeys(kind for answer in operation.answers.values() for kind in answer.content))
    nothing = "an empty body" if operation.answers else "refusals"
    notes = [*(["no key"] if operation.public else []), *(["beta"] if operation.beta else [])]
    summary = f"{operation.summary} ({', '.join(notes)})" if notes else operation.summary
    return f"| `{operation.method} {operation.path}` | {summary} | {taken} | {answered or nothing} |"


if __name__ == "__main__":
    print(table(), end="")
