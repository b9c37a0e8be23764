"""Adapters for noise reduction."""
