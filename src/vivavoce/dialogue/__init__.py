"""Manners as code: pure functions between the conversation and the brain. Knows the ports' data types, and no engine."""
