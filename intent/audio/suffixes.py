"""Suffixes of the files that can be decoded: `read_clip` looks at their content, not at these."""

# Read by libsndfile, except its formats without a header and its matrix formats.
SOUNDFILE_SUFFIXES = (
    *(".wav", ".wave", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aiff", ".aif", ".aifc", ".au"),
    *(".snd", ".caf", ".w64", ".rf64", ".sph", ".nist", ".voc"),
)
# Read by FFmpeg's libraries: containers of decoding.CONTAINERS, also with video.
FFMPEG_SUFFIXES = (
    *(".m4a", ".m4b", ".mp4", ".m4v", ".mov", ".3gp", ".3gpp", ".3g2", ".aac", ".ac3", ".amr"),
    *(".awb", ".wma", ".wmv", ".asf", ".webm", ".weba", ".mkv", ".mka", ".avi", ".flv", ".mp2"),
    *(".mpga", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".spx", ".ogv"),
)
AUDIO_SUFFIXES = (*SOUNDFILE_SUFFIXES, *FFMPEG_SUFFIXES)  # in lower case
KINDS = "WAV, FLAC, Ogg, Opus, MP3, m4a, mp4, WebM, CAF, AIFF, AMR, WMA and others"


def is_audio(name: str) -> bool:
    """Return whether a file has the suffix of a recording, in any case."""
    return name.lower().endswith(AUDIO_SUFFIXES)
