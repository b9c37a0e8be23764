"""One runner per session: feeds the core's inbox and performs its effects."""
