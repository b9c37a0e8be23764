"""Transports: they carry bytes, and say who owns the playout clock."""
