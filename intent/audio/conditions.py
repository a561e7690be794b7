"""Simulate how speech sounds over a telephone, across a room or through a small microphone.

Every function takes a clip and a random generator, and returns the same clip for the same state of the
generator. Rooms are exponentially decaying noise after a direct sound and a few early reflections
(Polack 1988; Jot et al. 1997).
"""

import io
from collections.abc import Callable

import numpy as np
import soundfile

from intent.audio.clip import Clip, resample
from intent.audio.level import rms
from intent.errors import DataError

Condition = Callable[[Clip, np.random.Generator], Clip]

SAMPLE_RATE = 16_000  # Hz, of everything but a telephone
TELEPHONE_RATE = 8_000  # Hz
TELEPHONE_BAND = (300.0, 3400.0)  # Hz
MU = 255  # companding constant of G.711
LINE_NOISE = (20.0, 40.0)  # dB below the speech
LEVELS = (-34.0, -16.0)  # dBFS, root mean square of a clip
REVERBERATION_SECONDS = (0.2, 0.8)  # until the sound has decayed by 60 dB
DIRECT_TO_REVERBERANT = (-2.0, 12.0)  # dB: across the room, or close
EARLY_REFLECTIONS = 6
EARLY_SECONDS = (0.002, 0.03)
DECAY = np.log(1e6) / 2  # of an amplitude, per reverberation time
ROOM_NOISE = (5.0, 25.0)  # dB below the speech
NOISE_SLOPES = (0.0, 2.0)  # exponent of 1/f: white to brown noise
BABBLING = 0.4  # share of rooms with other talkers
TALKERS = (3, 8)
LOW_CUTS = (50.0, 300.0)  # Hz
HIGH_CUTS = (3500.0, 7500.0)  # Hz
SILENCE = 1e-9  # root mean square below which there is nothing to scale
CODED = 0.2  # share of recordings that are sent as Opus
CODEC_LEVELS = (0.93, 0.98)  # of Opus compression: about 23 to 11 kbit/s


def check_condition(name: str) -> None:
    """Raise DataError unless a condition has this name; "" is the clip as it is."""
    if name and name not in CONDITIONS:
        known = " or ".join(CONDITIONS)
        raise DataError(f"The condition must be {known}, but is {name!r}.")


def under(name: str, clip: Clip, clip_hash: str) -> Clip:
    """Return a clip under a condition of CONDITIONS ("": as it is), the same for the same hash."""
    if not name:
        return clip
    return CONDITIONS[name](clip, np.random.default_rng(int(clip_hash[:16], 16)))


def telephone(clip: Clip, rng: np.random.Generator) -> Clip:
    """Return a clip as a telephone line delivers it: 8 kHz, 300 to 3400 Hz, noisy, µ-law."""
    narrow = _filtered(resample(clip, TELEPHONE_RATE), TELEPHONE_BAND)
    noise = _filtered(Clip(_noise(len(narrow.samples), rng), TELEPHONE_RATE), TELEPHONE_BAND)
    line = _mixed(narrow.samples, noise.samples, rng.uniform(*LINE_NOISE))
    return Clip(_companded(_at_level(line, rng)), TELEPHONE_RATE)


def room(clip: Clip, rng: np.random.Generator) -> Clip:
    """Return a clip as a microphone across a noisy room records it: echoes, noise or babble."""
    speech = resample(clip, SAMPLE_RATE).samples
    noise = _babble(speech, rng) if rng.random() < BABBLING else _noise(len(speech), rng)
    echoing = _convolved(speech, _impulse_response(rng))
    noise = _convolved(noise, _impulse_response(rng))
    mixed = _mixed(echoing, noise, rng.uniform(*ROOM_NOISE))
    return microphone(Clip(mixed, SAMPLE_RATE), rng)


def microphone(clip: Clip, rng: np.random.Generator) -> Clip:
    """Return a clip as the microphone of a laptop or phone records it, at times coded as Opus."""
    band = (rng.uniform(*LOW_CUTS), rng.uniform(*HIGH_CUTS))
    recorded = _filtered(resample(clip, SAMPLE_RATE), band)
    recorded = Clip(_at_level(recorded.samples, rng), SAMPLE_RATE)
    return _opus(recorded, rng.uniform(*CODEC_LEVELS)) if rng.random() < CODED else recorded


CONDITIONS: dict[str, Condition] = {"telephone": telephone, "room": room}


def _noise(length: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise (length,) whose power falls with the frequency, at a loudness that varies slowly."""
    from scipy.fft import irfft, next_fast_len, rfft

    fast = next_fast_len(length, real=True)
    spectrum = rfft(rng.standard_normal(fast))
    bins = np.maximum(np.arange(len(spectrum)), 1.0)
    even = irfft(spectrum * bins ** (-rng.uniform(*NOISE_SLOPES) / 2), fast)[:length]
    points = rng.uniform(0.4, 1.0, max(2, length // SAMPLE_RATE + 2))
    loudness = np.interp(np.linspace(0, len(points) - 1, length), range(len(points)), points)
    return (even * loudness).astype(np.float32)


def _babble(speech: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return unintelligible voices (n,): the speech backwards, shifted, several times at once."""
    voices = [
        np.roll(speech[::-1], int(rng.integers(len(speech)))) * rng.uniform(0.5, 1.0)
        for _ in range(rng.integers(*TALKERS))
    ]
    return np.stack(voices).sum(axis=0, dtype=np.float32)


def _impulse_response(rng: np.random.Generator) -> np.ndarray:
    """Return the response (n,) of a room to an impulse, its direct sound first."""
    seconds = rng.uniform(*REVERBERATION_SECONDS)
    times = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(times)) * np.exp(-DECAY * times / seconds)
    tail[: int(EARLY_SECONDS[0] * SAMPLE_RATE)] = 0
    for start in rng.uniform(*EARLY_SECONDS, EARLY_REFLECTIONS):
        tail[int(start * SAMPLE_RATE)] += rng.choice((-1, 1)) * rng.uniform(1, 4)
    tail = np.convolve(tail, (0.25, 0.5, 0.25), "same")  # high frequencies are absorbed first
    ratio = 10 ** (rng.uniform(*DIRECT_TO_REVERBERANT) / 20)
    response = tail / (ratio * np.sqrt(np.sum(tail**2)))
    response[0] = 1
    return response.astype(np.float32)


def _convolved(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    from scipy.signal import fftconvolve

    return fftconvolve(samples, response)[: len(samples)].astype(np.float32)


def _mixed(speech: np.ndarray, noise: np.ndarray, decibels: float) -> np.ndarray:
    """Add noise that is `decibels` below the speech; silence stays as it is."""
    gain = float(rms(speech)) / max(float(rms(noise)), SILENCE) * 10 ** (-decibels / 20)
    return speech + np.float32(gain) * noise


def _at_level(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Set the loudness; louder peaks than full scale are clipped."""
    level = 10 ** (rng.uniform(*LEVELS) / 20)
    return (samples * np.float32(level / max(float(rms(samples)), SILENCE))).clip(-1, 1)


def _filtered(clip: Clip, band: tuple[float, float]) -> Clip:
    from scipy.signal import butter, sosfilt

    sections = butter(4, band, "bandpass", fs=clip.sample_rate, output="sos")
    return Clip(sosfilt(sections, clip.samples).astype(np.float32), clip.sample_rate)


def _companded(samples: np.ndarray) -> np.ndarray:
    """Pass samples through the 256 levels of µ-law and back (ITU-T G.711, formula)."""
    squeezed = np.round(np.log1p(MU * np.abs(samples)) / np.log1p(MU) * 127) / 127
    return (np.sign(samples) * np.expm1(squeezed * np.log1p(MU)) / MU).astype(np.float32)


def _opus(clip: Clip, compression: float) -> Clip:
    file = io.BytesIO()
    soundfile.write(
        file,
        clip.samples,
        clip.sample_rate,
        format="OGG",
        subtype="OPUS",
        compression_level=compression,
    )
    file.seek(0)
    samples, rate = soundfile.read(file, dtype="float32")
    return Clip(samples, rate)
