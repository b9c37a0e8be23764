"""Pure state machines in audio time. They decide everything and touch nothing: no sockets, no clock, no engines."""
