"""`/v1/responses`: the part of the Responses API that agents need which think in text (`docs/responses.md`)."""
