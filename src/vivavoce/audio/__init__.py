"""Audio plumbing: formats, resampling, G.711, rings, WAV files. Imports nothing else of ours."""
