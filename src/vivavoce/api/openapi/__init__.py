"""The server's own OpenAPI document: what every HTTP route takes and answers, at `GET /openapi.json`."""
