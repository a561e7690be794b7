"""Build the exam "own words": sentences of its own, spoken by voices that no training sentence has.

One command, from the repository's root, in the environment of `assets/sample/build.py`:

    python assets/own-words/build.py --downloads kokoro-downloads --spoken own-words-speech

It can be stopped and started again: what is in the folder --spoken is kept. Takes about a quarter of an
hour on two cores. The exam is not edited once it is made: see its card.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "sample"))

from hub_layout import write_parquet  # noqa: E402
from kokoro_voices import HELD_OUT_VOICES, load_kokoro  # noqa: E402
from speech import draw_speaker, speak, write_opus  # noqa: E402

SAMPLE_RATE = 24_000  # Hz: all that the voices have
COMPRESSION = 0.91  # about 28 kbit/s
SHARD = HERE / "data" / "test-00000-of-00001.parquet"


def main() -> None:
    parser = argparse.ArgumentParser(description='Builds the exam "own words".')
    parser.add_argument("--downloads", type=Path, required=True, help="model and voices")
    parser.add_argument("--spoken", type=Path, required=True, help="folder for one file a sentence")
    parser.add_argument("--threads", type=int, default=2, help="threads for synthesis")
    options = parser.parse_args()

    sentences = json.loads((HERE / "sentences.json").read_text(encoding="utf-8"))
    kokoro = load_kokoro(options.downloads, options.threads)
    options.spoken.mkdir(parents=True, exist_ok=True)
    rows = []
    for intent, of_intent in sentences.items():
        for number, sentence in enumerate(of_intent, start=1):
            speaker = draw_speaker(HELD_OUT_VOICES, f"own words {intent} {number} {sentence}")
            file = options.spoken / f"{intent}-{number:02d}.opus"
            if not file.exists():
                samples = speak(kokoro, sentence, speaker, SAMPLE_RATE)
                write_opus(file, np.pad(samples, SAMPLE_RATE // 5), SAMPLE_RATE, COMPRESSION)
            path = f"{intent}/{speaker.voice}-{number:02d}.opus"
            row = (path, file.read_bytes(), sentence, intent, speaker.locale, speaker.voice)
            rows.append(row)
            print(f"\r{len(rows)}", end="", flush=True)
    print()
    write_parquet(rows, list(sentences), SAMPLE_RATE, SHARD)
    print(f"{SHARD}: {len(rows)} clips, {SHARD.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
