"""Between what travels and mono 24 kHz: Opus by FFmpeg's libopus, G.711 by table. One codec object for each direction of a call."""

from __future__ import annotations

from fractions import Fraction
from typing import Final, Protocol

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.codec import CodecContext
from av.error import FFmpegError
from numpy.typing import NDArray

from vivavoce.audio import g711
from vivavoce.transports.webrtc.edge.offer import CodecName
from vivavoce.transports.webrtc.edge.rates import Rate

Samples = NDArray[np.int16]

RATE_HZ: Final = 24_000
FRAME: Final = RATE_HZ // 50
"""Samples in 20 ms."""
OPUS_BITS_PER_S: Final = 32_000
"""Mono speech at 24 kHz; more cannot be heard."""
_EXPECTED_LOSS: Final = 10
"""Per cent of lost packets the encoder provides for; without any it adds no in-band FEC. Networks that lose packets lose some such share."""
_COMPLEXITY: Final = 5
"""Of 0 to 10. The default, 10, costs a fifth more; 0 costs half, but gives up everything above 8 kHz."""
_OPUS_CLOCK_HZ: Final = 48_000
_LONGEST_OPUS: Final = 5_760
"""Samples of 48 kHz in one packet: 120 ms. Source: RFC 6716 section 3.2.5."""
_SETTLED: Final = 25
"""Frames of silence after which every further one is encoded alike."""


class Undecodable(ValueError):
    """The payload is damaged."""


class Decoder(Protocol):
    """Makes samples of payloads."""

    def samples(self, payload: bytes) -> int:
        """Return how many samples of the RTP clock a payload holds, 0 if it is damaged."""
        ...

    def decode(self, payload: bytes) -> Samples:
        """Return mono 24 kHz.

        Raises:
            Undecodable: the payload is damaged.
        """
        ...


class Encoder(Protocol):
    """Makes payloads of samples."""

    @property
    def step(self) -> int:
        """What a frame adds to the RTP timestamp."""
        ...

    def encode(self, frame: Samples) -> bytes:
        """Return the payload of 20 ms, 480 samples."""
        ...


def decoder(name: CodecName) -> Decoder:
    """Return a codec's decoder."""
    return OpusDecoder() if name == "opus" else PlainDecoder(name == "pcma")


def encoder(name: CodecName) -> Encoder:
    """Return a codec's encoder."""
    return OpusEncoder() if name == "opus" else PlainEncoder(name == "pcma")


def opus_samples(payload: bytes) -> int:
    """Return the duration of an Opus packet in samples of 48 kHz, 0 if it is none.

    Source: RFC 6716 section 3.1.
    """
    if not payload:
        return 0
    kind = payload[0] >> 3
    if kind < 12:
        frame = (480, 960, 1_920, 2_880)[kind & 3]
    elif kind < 16:
        frame = (480, 960)[kind & 1]
    else:
        frame = (120, 240, 480, 960)[kind & 3]
    code = payload[0] & 3
    if code == 3:
        if len(payload) < 2:
            return 0
        count = payload[1] & 0x3F
    else:
        count = 1 if code == 0 else 2
    total = frame * count
    return total if 0 < total <= _LONGEST_OPUS else 0


class OpusDecoder:
    """Opus to mono 24 kHz."""

    def __init__(self) -> None:
        context = CodecContext.create("libopus", "r")
        if not isinstance(context, AudioCodecContext):
            raise RuntimeError("libopus is no audio codec here")
        context.sample_rate = _OPUS_CLOCK_HZ
        context.layout = "mono"
        context.format = "s16"
        context.thread_count = 1
        self._context = context
        self._half = Rate(1, 2)

    def samples(self, payload: bytes) -> int:
        """See `Decoder`."""
        return opus_samples(payload)

    def decode(self, payload: bytes) -> Samples:
        """See `Decoder`."""
        try:
            frames = self._context.decode(av.Packet(payload))
        except FFmpegError as error:
            raise Undecodable(str(error)) from error
        parts = [self._half.feed(np.frombuffer(bytes(frame.planes[0]), dtype=np.int16, count=frame.samples)) for frame in frames]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, dtype=np.int16), *parts])


class OpusEncoder:
    """Mono 24 kHz to Opus for speech."""

    step: Final = _OPUS_CLOCK_HZ // 50

    def __init__(self) -> None:
        context = CodecContext.create("libopus", "w")
        if not isinstance(context, AudioCodecContext):
            raise RuntimeError("libopus is no audio codec here")
        context.sample_rate = RATE_HZ
        context.layout = "mono"
        context.format = "s16"
        context.bit_rate = OPUS_BITS_PER_S
        context.time_base = Fraction(1, RATE_HZ)
        context.thread_count = 1
        context.options = {
            "application": "voip",
            "frame_duration": "20",
            "fec": "1",
            "packet_loss": str(_EXPECTED_LOSS),
            "compression_level": str(_COMPLEXITY),
        }
        self._context = context
        self._silent = 0
        self._silence = b""

    def encode(self, frame: Samples) -> bytes:
        """See `Encoder`."""
        if frame.any():
            self._silent = 0
        else:
            self._silent += 1
            if self._silent > _SETTLED:  # most of a call is silence: it is sent, but not encoded again and again
                return self._silence
        sound = av.AudioFrame.from_ndarray(frame.reshape(1, -1), format="s16", layout="mono")
        sound.sample_rate = RATE_HZ
        packets = self._context.encode(sound)
        self._silence = b"".join(bytes(packet) for packet in packets)
        return self._silence


class PlainDecoder:
    """G.711 to mono 24 kHz.

    Args:
        a_law: A-law rather than µ-law.
    """

    def __init__(self, a_law: bool) -> None:
        self._decode = g711.decode_alaw if a_law else g711.decode_mulaw
        self._rate = Rate(3, 1)

    def samples(self, payload: bytes) -> int:
        """See `Decoder`."""
        return len(payload)

    def decode(self, payload: bytes) -> Samples:
        """See `Decoder`."""
        return self._rate.feed(self._decode(payload))


class PlainEncoder:
    """Mono 24 kHz to G.711.

    Args:
        a_law: A-law rather than µ-law.
    """

    step: Final = 160

    def __init__(self, a_law: bool) -> None:
        self._encode = g711.encode_alaw if a_law else g711.encode_mulaw
        self._rate = Rate(1, 3)

    def encode(self, frame: Samples) -> bytes:
        """See `Encoder`."""
        return self._encode(self._rate.feed(frame))
