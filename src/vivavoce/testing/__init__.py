"""Scripted engines, a virtual-time simulator, invariants and a scripted chat server: for our tests and for those of our users."""
