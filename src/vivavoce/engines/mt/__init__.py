"""Translators: by a language model, by the rules of apertium, and by nobody."""
