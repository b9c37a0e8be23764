"""The WebRTC transport: browsers call, and the server owns the playout clock.

ICE, DTLS, SRTP, SCTP, Opus and everything else that reads what strangers send runs in processes of its own (`edge/`): their wheels bundle
FFmpeg with GPL codecs, native code that crashes costs the calls of one process, and calls scale over processors. This side (`pool.py`,
`leg.py`) imports none of it.
"""
