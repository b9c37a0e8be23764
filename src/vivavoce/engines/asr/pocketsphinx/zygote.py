"""The process every worker is forked from: it loads the decoder once, then forks a copy for each socket it is handed.

A fork shares the loaded model with its parent (26 MB of its own against 108 MB), and this process has one thread and no event loop,
so forking it is safe, which forking the server would not be. It is started as `python -m …zygote FD`: the file descriptor is one end
of a socket pair; each byte that arrives with a descriptor attached asks for a worker on that descriptor, and is answered with
the worker's process id. When the server ends, however it ends, the sockets close and everything here ends with it.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys

from vivavoce.engines.asr.pocketsphinx.decoder import SpeechDecoder
from vivavoce.engines.asr.pocketsphinx.protocol import PID, READY
from vivavoce.engines.asr.pocketsphinx.worker import Worker


def serve(control: socket.socket) -> None:
    """Fork workers for as long as the other side of `control` lives."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps: nobody here waits for a worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server decides when we end
    decoder = SpeechDecoder()
    decoder.background()
    gc.collect()
    gc.freeze()  # keeps the collector from writing to pages the workers share
    control.sendall(READY)
    while True:
        try:
            asked, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        except ConnectionError:
            return
        if not asked or not descriptors:
            return
        pid = os.fork()
        if pid == 0:
            control.close()
            _work(descriptors[0], decoder)
        os.close(descriptors[0])
        try:
            control.sendall(PID.pack(pid))
        except ConnectionError:
            return


def _work(descriptor: int, decoder: SpeechDecoder) -> None:
    """Be a worker; never return."""
    status = 1
    try:
        with socket.socket(fileno=descriptor) as connection:
            Worker(connection, decoder).run()
        status = 0
    finally:
        # No clean-up of the parent's state in a fork: its exit handlers and buffers are not ours.
        os._exit(status)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
