"""One operation of the document: a method at a path, what it takes, and everything it may answer.

Source: the OpenAPI Specification 3.1, sections 4.8.10 (Operation Object) to 4.8.17 (Response Object).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vivavoce.api.openapi.refusals import refused

Json = dict[str, Any]

JSON: Final = "application/json"
FORM: Final = "multipart/form-data"
EVENTS: Final = "text/event-stream"
PLAIN: Final = "text/plain"
SDP: Final = "application/sdp"
BINARY: Final[Json] = {"type": "string", "format": "binary"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a status comes with: words, and a schema for each content type."""

    description: str
    content: Mapping[str, Json] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    """Names of headers among the document's components."""

    def wire(self) -> Json:
        """Return the Response Object."""
        headers = {name: {"$ref": f"#/components/headers/{name}"} for name in ("x-request-id", *self.headers)}
        content = {kind: {"schema": schema} for kind, schema in self.content.items()}
        return {"description": self.description, "headers": headers, **({"content": content} if content else {})}


@dataclass(frozen=True, slots=True)
class Operation:
    """A method at a path.

    Attributes:
        id: what generated clients call it.
        tag: which part of the API it belongs to.
        summary: what it does, in a line.
        answers: what it answers, by status.
        body: what it takes, by content type; it must be there unless `optional`.
        parameters: those of the path, each with what it is.
        refusals: statuses of the refusals that are its own, beyond those of access and of the server.
        public: whether it answers without a key, whoever asks.
        beta: whether it exists only where the beta is switched on.
        description: what else there is to know.
    """

    method: str
    path: str
    id: str
    tag: str
    summary: str
    answers: Mapping[int, Answer]
    body: Mapping[str, Json] = field(default_factory=dict)
    optional: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    refusals: tuple[int, ...] = ()
    public: bool = False
    beta: bool = False
    description: str = ""

    def wire(self) -> Json:
        """Return the Operation Object."""
        statuses = (500,) if self.public else (*self.refusals, 401, 403, 500)
        answers = {str(status): answer.wire() for status, answer in self.answers.items()}
        told: Json = {"operationId": self.id, "tags": [self.tag], "summary": self.summary}
        if self.description:
            told["description"] = self.description
        if self.beta:
            told["deprecated"] = True
        if self.public:
            told["security"] = []
        if self.parameters:
            told["parameters"] = [_parameter(name, description) for name, description in self.parameters.items()]
        if self.body:
            content = {kind: {"schema": schema} for kind, schema in self.body.items()}
            told["requestBody"] = {"required": not self.optional, "content": content}
        told["responses"] = answers | {str(status): refused(status) for status in sorted(statuses)}
        return told


def ref(name: str) -> Json:
    """Return a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def _parameter(name: str, description: str) -> Json:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": {"type": "string"}}
