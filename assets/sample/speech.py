"""Speak many sentences with Kokoro, one Opus file each; what is there is kept."""

import random
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from kokoro_onnx import Kokoro

NATIVE_SHARE = 0.72  # of the sentences are spoken by American and British voices
SPEEDS = (0.88, 1.22)  # times the voice's own pace
LOUDNESS = 0.08  # root mean square
PEAK = 0.98
LEAST_LOUDNESS = 1e-4


@dataclass(frozen=True)
class Speaker:
    """A voice, its pace, and the English that its phonemes come from ("en-us" or "en-gb")."""

    voice: str
    speed: float
    language: str

    @property
    def locale(self) -> str:
        return "en-GB" if self.language == "en-gb" else "en-US"


def draw_speaker(voices: Iterable[str], key: str) -> Speaker:
    """Return the speaker of a sentence, the same for the same key and voices on every machine."""
    draw = random.Random(zlib.crc32(key.encode()))
    native = [voice for voice in voices if voice[0] in "ab"]  # American, British
    others = [voice for voice in voices if voice[0] not in "ab"]
    voice = draw.choice(native) if draw.random() < NATIVE_SHARE else draw.choice(others)
    speed = draw.uniform(*SPEEDS)
    is_british = voice[0] == "b" or (voice[0] != "a" and draw.random() < 0.5)
    return Speaker(voice, speed, "en-gb" if is_british else "en-us")


def speak(kokoro: Kokoro, sentence: str, speaker: Speaker, sample_rate: int) -> np.ndarray:
    """Return a sentence as float32 samples at `sample_rate`, at an even loudness."""
    sound, rate = kokoro.create(sentence, speaker.voice, speaker.speed, speaker.language)
    samples = soxr.resample(sound.astype(np.float32), rate, sample_rate)
    samples *= LOUDNESS / max(LEAST_LOUDNESS, float(np.sqrt((samples**2).mean())))
    return samples.clip(-PEAK, PEAK)


def write_opus(file: Path, samples: np.ndarray, sample_rate: int, compression: float) -> None:
    """Write an Opus file whole; `compression` is 0 (256 kbit/s) to 1 (6 kbit/s)."""
    part = file.with_suffix(".part")
    soundfile.write(
        part, samples, sample_rate, format="OGG", subtype="OPUS", compression_level=compression
    )
    part.rename(file)
