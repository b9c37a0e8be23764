"""Interpreting: what is heard in one language, said in another while the speaker goes on. Pure policy, in audio time."""
