"""Voice activity: which frames hold speech."""
