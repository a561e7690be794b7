"""A long recording made of the example clips, with faint noise between them."""

from dataclasses import dataclass
from functools import cache

from intent.audio.clip import Clip, read_clip
from intent.audio.voice_activity import find_speech
from intent.paths import EXAMPLES
from tests.late_speech import faint_noise

SECONDS = 300.0
FIRST, STEP = 10.0, 48.0  # s: where the first clip begins, and each later one after it
LABELS = ("balance", "abroad", "freeze", "latest_transactions", "joint_account", "pay_bill")


@dataclass(frozen=True)
class Spoken:
    """An example clip in the recording."""

    label: str
    clip: Clip
    start: float  # s: where its speech begins in the recording
    end: float  # s


@cache
def five_minutes() -> tuple[Clip, tuple[Spoken, ...]]:
    """Return five minutes with the six example clips, in the order of their names."""
    clips = [read_clip(path) for path in sorted(EXAMPLES.glob("*.wav"))]
    rate = clips[0].sample_rate
    samples = faint_noise(SECONDS, rate)
    spoken = []
    for number, (label, clip) in enumerate(zip(LABELS, clips, strict=True)):
        at = FIRST + STEP * number
        samples[round(at * rate) :][: len(clip.samples)] += clip.samples
        spans = find_speech(clip)
        spoken.append(Spoken(label, clip, at + spans[0][0], at + spans[-1][1]))
    return Clip(samples.clip(-1, 1), rate), tuple(spoken)
