"""The frames brain: deterministic, tool-driven dialogue without a language model."""
