"""Recordings and texts through the engines, or through a server: what `transcribe`, `translate` and `say` are made of."""
