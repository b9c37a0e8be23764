"""The request-response audio API: speech from text, transcripts and translations of files."""
