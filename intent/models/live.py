"""Classify speech while it arrives: the intents so far, then a settled answer after each pause."""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from intent.audio.clip import Clip
from intent.audio.speech_part import MARGIN_SECONDS, MIN_SPEECH_SECONDS
from intent.audio.speech_stream import SpeechStream, frame_at_16_khz, frame_start, frames_in
from intent.audio.voice_activity import FRAME_SECONDS
from intent.errors import AudioError
from intent.models.classifier import Answer, classify
from intent.paths import BUNDLED

SETTLE_SECONDS = 0.5  # without speech: the utterance is over
UPDATE_SECONDS = 0.3  # of sound between two answers to an utterance that goes on
MAX_SHARE = 0.5  # of the time for such answers: a slow model gives fewer, and no sound piles up
MAX_UTTERANCE_SECONDS = 15.0  # a longer one is settled; it bounds memory and the time of an answer
MIN_RATE, MAX_RATE = 8_000, 192_000  # Hz, of microphones

SETTLE_FRAMES = math.ceil(SETTLE_SECONDS / FRAME_SECONDS)
SPEECH_FRAMES = math.ceil(MIN_SPEECH_SECONDS / FRAME_SECONDS)
MARGIN_FRAMES = math.ceil(MARGIN_SECONDS / FRAME_SECONDS)
MAX_FRAMES = int(MAX_UTTERANCE_SECONDS / FRAME_SECONDS)


@dataclass(frozen=True)
class Lead:
    """The most likely intent of an utterance at one time."""

    label: str
    score: float  # 0..1
    seconds: float  # since the utterance began


@dataclass(frozen=True, eq=False)
class Settled:
    """An utterance that is over: its answer is `classify` of its clip."""

    number: int  # from 1
    answer: Answer
    leads: tuple[Lead, ...]
    clip: Clip


@dataclass(frozen=True, eq=False)
class Live:
    """What is known of the current utterance, and of those that were settled last."""

    checkpoint: str = BUNDLED
    sample_rate: int = 0  # Hz; 0: no sound yet
    samples: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))  # from `kept` on
    kept: int = 0  # frame of all sound at which `samples` begin
    begin: int = 0  # frame of all sound at which `speech` begins
    speech: SpeechStream = field(default_factory=SpeechStream)  # in the current utterance
    answered: SpeechStream = field(default_factory=SpeechStream)  # at the last answer
    answer: Answer | None = None  # to the utterance so far; None before its first speech
    leads: tuple[Lead, ...] = ()  # of the utterance so far
    settled: tuple[Settled, ...] = ()  # by the last chunk that settled any


def hear(state: Live, samples: np.ndarray, sample_rate: int) -> Live:
    """Return the state after one more chunk of sound, (n,) float32 at a rate in Hz.

    An utterance is settled after half a second without speech, or after 15 s. How the sound is cut
    into chunks changes neither where it ends nor its answer. At another rate, the sound begins anew.
    Raises AudioError for a rate that no microphone has, and what `classify` raises.
    """
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        raise AudioError(
            f"The microphone's rate should be {MIN_RATE} to {MAX_RATE} Hz, but is {sample_rate} Hz. "
            "Choose another microphone."
        )
    if sample_rate != state.sample_rate:
        state = Live(state.checkpoint, sample_rate, settled=state.settled)
    state = replace(state, samples=np.concatenate([state.samples, samples]))
    settled: list[Settled] = []
    before = state.settled[-1].number if state.settled else 0
    state = _detect(state)
    while _is_over(state.speech):
        done = _settle(state, before + len(settled) + 1)
        settled += [done] if done else []
        state = _detect(_begin_at(state, state.begin + state.speech.frames))
    if settled:
        state = replace(state, settled=tuple(settled))
    return _trim(_answer_so_far(state))


def _detect(state: Live) -> Live:
    """Detect speech in the frames that are complete, up to the end of the utterance if it is over."""
    offset = frame_start(state.kept, state.sample_rate)
    known = state.begin + state.speech.frames
    complete = frames_in(offset + len(state.samples), state.sample_rate)
    if complete <= known:
        return state
    frames = [
        frame_at_16_khz(state.samples, offset, number, state.sample_rate)
        for number in range(known, complete)
    ]
    heard = state.speech.hear(np.stack(frames))
    return replace(state, speech=next(filter(_is_over, heard), heard[-1]))


def _is_over(speech: SpeechStream) -> bool:
    if speech.first_speech is None:
        return False
    silent = speech.run == 0 and speech.silent_frames >= SETTLE_FRAMES
    return silent or speech.frames - _first(speech) >= MAX_FRAMES


def _first(speech: SpeechStream) -> int:
    """Return the frame at which the part with speech begins: a margin before it."""
    return max(0, (speech.first_speech or 0) - MARGIN_FRAMES)


def _settle(state: Live, number: int) -> Settled | None:
    """Return the utterance that is over, or None if it was a short noise."""
    if state.speech.speech_frames < SPEECH_FRAMES:
        return None
    clip = _clip(state)
    answer = classify(clip, state.checkpoint)
    if not answer.has_speech:  # seen as a whole
        return None
    return Settled(number, answer, (*state.leads, _lead(answer)), clip)


def _begin_at(state: Live, frame: int) -> Live:
    """Return the state with a new utterance that begins at a frame of all sound."""
    kept = max(state.kept, frame - 1)  # one more, for resampling the first
    dropped = frame_start(kept, state.sample_rate) - frame_start(state.kept, state.sample_rate)
    return Live(
        checkpoint=state.checkpoint,
        sample_rate=state.sample_rate,
        samples=state.samples[dropped:],
        kept=kept,
        begin=frame,
        settled=state.settled,
    )


def _answer_so_far(state: Live) -> Live:
    """Classify the utterance so far if it has new speech and the last answer is old enough."""
    speech, answered = state.speech, state.answered
    if speech.speech_frames < max(SPEECH_FRAMES, answered.speech_frames + 1):
        return state
    took = state.answer.seconds if state.answer else 0.0
    if (speech.frames - answered.frames) * FRAME_SECONDS < max(UPDATE_SECONDS, took / MAX_SHARE):
        return state
    answer = classify(_clip(state), state.checkpoint)
    return replace(state, answered=speech, answer=answer, leads=(*state.leads, _lead(answer)))


def _trim(state: Live) -> Live:
    """Return the state without the silence that no answer will use."""
    if state.speech.first_speech is not None:
        return state
    frame = state.begin + state.speech.frames - state.speech.run - MARGIN_FRAMES - 1
    kept = max(state.kept, frame)
    dropped = frame_start(kept, state.sample_rate) - frame_start(state.kept, state.sample_rate)
    return replace(state, kept=kept, samples=state.samples[dropped:].copy())


def _clip(state: Live) -> Clip:
    """Return the sound of the utterance, from the margin before its speech to its last frame."""
    offset = frame_start(state.kept, state.sample_rate)
    first, last = _first(state.speech), state.speech.frames
    start = frame_start(state.begin + first, state.sample_rate) - offset
    end = frame_start(state.begin + last, state.sample_rate) - offset
    return Clip(state.samples[start:end], state.sample_rate)


def _lead(answer: Answer) -> Lead:
    return Lead(answer.top[0].label, answer.top[0].score, answer.clip_seconds)
