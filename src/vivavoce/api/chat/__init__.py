"""`POST /v1/chat/completions`: text and audio in, text and audio out."""
