"""Make a file of every kind, in a process of its own: `python media_files.py FOLDER SECONDS [NAME…]`.

Each holds a tone of 440 Hz, a quarter of full scale, in every channel. FFmpeg is loaded by what makes them, not by importing this.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TONE_HZ = 440
LEVEL = 0.25


@dataclass(frozen=True)
class Kind:
    """How a file is made, and what it should be found to be."""

    muxer: str
    encoder: str
    container: str
    codec: str
    rate_hz: int = 48_000
    layout: str = "mono"
    video: str = ""
    subtitles: str = ""
    late_s: float = 0.0
    """When the audio begins; the pictures begin at once."""
    hole_s: float = 0.0
    """How much time passes without audio after its first second."""
    muxing: dict[str, str] = field(default_factory=dict)
    encoding: dict[str, str] = field(default_factory=dict)


def _wav(encoder: str, **more: Any) -> Kind:
    return Kind("wav", encoder, "wav", encoder, **more)


KINDS = {
    "a.flac": Kind("flac", "flac", "flac", "flac", layout="stereo"),
    "a.mp3": Kind("mp3", "libmp3lame", "mp3", "mp3", 44_100, "stereo"),
    "low.mp3": Kind("mp3", "libmp3lame", "mp3", "mp3", 16_000),
    "a.mp4": Kind("mp4", "aac", "mp4", "aac", video="libx264"),
    "parts.mp4": Kind("mp4", "aac", "mp4", "aac", muxing={"movflags": "frag_keyframe+empty_moov"}),
    "a.m4a": Kind("ipod", "aac", "mp4", "aac", 44_100, "stereo"),
    "alac.m4a": Kind("ipod", "alac", "mp4", "alac"),
    "a.mpeg": Kind("mpeg", "mp2", "mpeg", "mp2", video="mpeg1video"),
    "a.mpga": Kind("mp2", "mp2", "mp3", "mp2", 44_100),
    "opus.ogg": Kind("ogg", "libopus", "ogg", "opus"),
    "vorbis.ogg": Kind("ogg", "vorbis", "ogg", "vorbis", layout="stereo", encoding={"strict": "experimental"}),
    "flac.oga": Kind("ogg", "flac", "ogg", "flac"),
    "subtitled.mkv": Kind("matroska", "aac", "webm", "aac", subtitles="ass"),
    "a.webm": Kind("webm", "libopus", "webm", "opus"),
    "vorbis.webm": Kind("webm", "vorbis", "webm", "vorbis", layout="stereo", encoding={"strict": "experimental"}),
    "video.webm": Kind("webm", "libopus", "webm", "opus", video="libvpx"),
    "live.webm": Kind("webm", "libopus", "webm", "opus", muxing={"live": "1"}),
    "a.wav": _wav("pcm_s16le", layout="stereo"),
    "u8.wav": _wav("pcm_u8", rate_hz=8_000),
    "s24.wav": _wav("pcm_s24le"),
    "s32.wav": _wav("pcm_s32le"),
    "f32.wav": _wav("pcm_f32le"),
    "f64.wav": _wav("pcm_f64le"),
    "mulaw.wav": _wav("pcm_mulaw", rate_hz=8_000),
    "alaw.wav": _wav("pcm_alaw", rate_hz=8_000),
    "adpcm.wav": _wav("adpcm_ms"),
    "ima.wav": _wav("adpcm_ima_wav"),
    "six.wav": _wav("pcm_s16le", layout="5.1"),
    "rf64.wav": _wav("pcm_s16le", muxing={"rf64": "always"}),
    "a.aac": Kind("adts", "aac", "aac", "aac"),
    "a.amr": Kind("amr", "libopencore_amrnb", "amr", "amr_nb", 8_000),
    "a.3gp": Kind("3gp", "libopencore_amrnb", "mp4", "amr_nb", 8_000),
    "a.au": Kind("au", "pcm_s16be", "au", "pcm_s16be"),
    "a.aiff": Kind("aiff", "pcm_s16be", "aiff", "pcm_s16be"),
    "a.caf": Kind("caf", "alac", "caf", "alac"),
    "a.mov": Kind("mov", "pcm_s16le", "mp4", "pcm_s16le"),
    "a.mka": Kind("matroska", "flac", "webm", "flac"),
    "a.avi": Kind("avi", "libmp3lame", "avi", "mp3", video="mpeg4"),
    "a.ts": Kind("mpegts", "aac", "mpegts", "aac", video="mpeg2video"),
    "a.flv": Kind("flv", "libmp3lame", "flv", "mp3", 44_100),
    "a.wma": Kind("asf", "wmav2", "wma", "wmav2", 44_100, "stereo", encoding={"b": "128000"}),
    "a.ac3": Kind("ac3", "ac3", "ac3", "ac3"),
    "a.eac3": Kind("eac3", "eac3", "eac3", "eac3"),
    "a.wv": Kind("wv", "wavpack", "wv", "wavpack"),
    "a.w64": Kind("w64", "pcm_s16le", "w64", "pcm_s16le"),
    "silent.flac": Kind("flac", "flac", "flac", "flac", 16_000),
}
GAPS = {
    "late.mp4": Kind("mp4", "aac", "mp4", "aac", video="libx264", late_s=3.0),
    "late.webm": Kind("webm", "libopus", "webm", "opus", video="libvpx", late_s=3.0),
    "late.ts": Kind("mpegts", "aac", "mpegts", "aac", video="mpeg2video", late_s=3.0),
    "hole.mp4": Kind("mp4", "aac", "mp4", "aac", hole_s=3.0),
    "hole.webm": Kind("webm", "libopus", "webm", "opus", hole_s=3.0),
    "hole.ts": Kind("mpegts", "aac", "mpegts", "aac", hole_s=3.0),
    "hole.flv": Kind("flv", "libmp3lame", "flv", "mp3", 44_100, hole_s=3.0),
}
"""Files with time in them in which nothing is heard. AVI has no time stamps that could say so."""
ODD_TIMES = {
    "audio_only_late.webm": Kind("webm", "libopus", "webm", "opus", late_s=3.0),
    "long_hole.webm": Kind("webm", "libopus", "webm", "opus", hole_s=3_000.0),
    "drops.webm": Kind("webm", "libopus", "webm", "opus", hole_s=0.1),
}
"""Files whose time stamps mean no silence."""
SILENT = "silent.flac"
"""Not of the usual set: compresses a hundredfold."""
NO_AUDIO = ("moving.mp4", "picture.png")


def make(path: Path, kind: Kind, seconds: float) -> None:
    """Write one file."""
    import av
    from av.error import BlockingIOError, EOFError
    from av.filter import Graph

    with av.open(str(path), "w", format=kind.muxer, container_options=kind.muxing) as container:
        stream: Any = container.add_stream(kind.encoder, rate=kind.rate_hz, layout=kind.layout, options=kind.encoding)
        pictures: Any = None
        if kind.video:
            pictures = container.add_stream(kind.video, rate=25)
            pictures.width = pictures.height = 64
            pictures.pix_fmt = "yuv420p"
        if kind.subtitles:
            container.add_stream(kind.subtitles)
        container.start_encoding()
        graph = Graph()
        signal = "0" if path.name == SILENT else f"{LEVEL}*sin(2*PI*{TONE_HZ}*t)"
        channels = stream.layout.nb_channels
        source = graph.add("aevalsrc", "|".join([signal] * channels) + f":s={kind.rate_hz}:d={seconds}:c={kind.layout}:n=1024")
        shape = graph.add("aformat", f"sample_fmts={stream.format.name}:channel_layouts={kind.layout}")
        graph.link_nodes(source, shape, graph.add("abuffersink")).configure()
        if stream.frame_size:
            graph.set_audio_frame_size(stream.frame_size)
        shown = samples = 0
        while True:
            try:
                frame: Any = graph.pull()
            except (BlockingIOError, EOFError):
                break
            frame.pts = samples + round((kind.late_s + (kind.hole_s if samples >= kind.rate_hz else 0.0)) * kind.rate_hz)
            samples += frame.samples
            container.mux(stream.encode(frame))
            while pictures is not None and shown / 25 <= kind.late_s + samples / kind.rate_hz:
                container.mux(pictures.encode(_picture(shown)))
                shown += 1
        container.mux(stream.encode(None))
        if pictures is not None:
            container.mux(pictures.encode(None))


def make_without_audio(path: Path) -> None:
    """Write a file of pictures alone."""
    import av

    picture = path.suffix == ".png"
    with av.open(str(path), "w", format="image2" if picture else "mp4") as container:
        stream: Any = container.add_stream("png" if picture else "libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "rgb24" if picture else "yuv420p"
        for number in range(1 if picture else 25):
            container.mux(stream.encode(_picture(number).reformat(format=stream.pix_fmt)))
        container.mux(stream.encode(None))


def _picture(number: int) -> Any:
    import av

    frame = av.VideoFrame(64, 64, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([(number * 7) % 256]) * plane.buffer_size)
    frame.pts = number
    return frame


def main() -> None:
    """Make what the command line asks for."""
    folder, seconds, names = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    for name in names or [*(name for name in KINDS if name != SILENT), *NO_AUDIO]:
        if name in NO_AUDIO:
            make_without_audio(folder / name)
        else:
            make(folder / name, (KINDS | GAPS | ODD_TIMES)[name], seconds)


if __name__ == "__main__":
    main()
