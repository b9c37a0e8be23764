"""What runs in processes of its own: the only code that loads FFmpeg. The server starts it by name and imports none of it."""
