"""The demo: a coffee bar on the phone."""
