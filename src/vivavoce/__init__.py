"""Vivavoce: the Realtime voice API you can host yourself."""

import os

# Before anything imports numpy: its matrices here are small, so threads for them cost more than they gain, and a process forked while
# they work (a voice, a recognizer) hangs in the library's fork handler.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
