"""Benchmarks: figures with the machine named, never asserted. See README.md."""
