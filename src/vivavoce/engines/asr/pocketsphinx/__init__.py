"""The embedded English recognizer: pocketsphinx in pre-forked worker processes, with a language model per session vocabulary."""
