"""The wire's vocabulary: events, items, session configuration, errors, usage, ids. Imports nothing else of ours."""
