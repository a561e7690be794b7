"""Speak the wordings of this folder, one Opus file a sentence: 16 kHz, mono.

From the repository's root, in the environment of `assets/sample/build.py`:

    python assets/wordings/speak.py --downloads kokoro-downloads --out wordings-speech

It can be stopped and started again: what is in --out is kept. Takes about 2.5 s a sentence on two cores.
Voice, pace and accent of a sentence are drawn from its text; voices held out for exams are not used.
`voices.json` in --out says which voice speaks each file.
"""

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "sample"))

from kokoro_voices import HELD_OUT_VOICES, load_kokoro  # noqa: E402
from speech import draw_speaker, speak, write_opus  # noqa: E402

SAMPLE_RATE = 16_000  # Hz, that of the encoders
COMPRESSION = 0.75  # about 68 kbit/s


def main() -> None:
    parser = argparse.ArgumentParser(description="Speaks the wordings of this folder.")
    parser.add_argument("--downloads", type=Path, required=True, help="model and voices")
    parser.add_argument("--out", type=Path, required=True, help="folder for one file a sentence")
    parser.add_argument("--threads", type=int, default=2, help="threads for synthesis")
    parser.add_argument("--authors", nargs="*", help="only these, in this order")
    options = parser.parse_args()

    authors = options.authors or sorted(path.stem for path in HERE.glob("*.json"))
    kokoro = load_kokoro(options.downloads, options.threads)
    voices = [voice for voice in kokoro.get_voices() if voice not in HELD_OUT_VOICES]
    options.out.mkdir(parents=True, exist_ok=True)
    speakers = {}
    for author in authors:
        sentences = json.loads((HERE / f"{author}.json").read_text(encoding="utf-8"))
        rows = [(row, label) for label, some in sentences.items() for row in range(len(some))]
        for done, (row, label) in enumerate(sorted(rows), start=1):
            file = options.out / f"{author}-{label}-{row:03d}.opus"
            sentence = sentences[label][row]
            speaker = draw_speaker(voices, f"{author}{label}{row}{sentence}")
            speakers[file.name] = speaker.voice
            if not file.exists():
                samples = speak(kokoro, sentence, speaker, SAMPLE_RATE)
                write_opus(file, samples, SAMPLE_RATE, COMPRESSION)
            print(f"\r{author}: {done} of {len(rows)}", end="", flush=True)
        print()
    (options.out / "voices.json").write_text(json.dumps(speakers, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
