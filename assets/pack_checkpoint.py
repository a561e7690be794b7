"""Pack a run's model as the bundled checkpoint: float16 in shards that a Space accepts, with a card.

    python -m intent train --data DIR --locale en-US en-GB --base WHISPER_TINY_EN \
        --recipe recommended --reject-label none \
        --set epochs=64 batch_size=768 learning_rate=3e-3 copies=6
    python assets/pack_checkpoint.py RUN_DIRECTORY

DIR is made by `assets/wordings/build_data.py`, WHISPER_TINY_EN is openai/whisper-tiny.en or a copy of
it.
The weights load as float32 with no argument, since config.json says so: a CPU computes half
precision slowly.
"""

import argparse
import dataclasses
import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from intent.checkpoints.provenance import read_provenance, write_provenance  # noqa: E402
from intent.evaluation.evaluate import evaluate_checkpoint  # noqa: E402
from intent.evaluation.metrics import Evaluation  # noqa: E402
from intent.paths import BUNDLED_CHECKPOINT, OWN_WORDS  # noqa: E402

BASE = "openai/whisper-tiny.en"
DATA = "PolyAI/minds14"
MAX_SHARD = "9MB"  # a plain push to a Space refuses files of 10 MB

CARD = """---
license: cc-by-4.0
language: en
library_name: transformers
pipeline_tag: audio-classification
base_model: {base}
datasets:
- {data}
metrics:
- accuracy
tags:
- intent-classification
---
# Bundled checkpoint of Intent Studio
Classifies the 14 banking intents of MInDS-14, and `none`: none of them. It is the encoder
of Whisper tiny.en with a window of {window} s; one neuron of its last layer is rewritten to keep
padding out of the mean, and its last feed-forward network is fine-tuned with a leave-one-out loss.
Its stock mean-pooled head is fitted in closed form:

```python
from transformers import pipeline

pipeline("audio-classification", model="assets/checkpoint")(samples)  # float32 mono, 16 kHz
```

- **Made by** `assets/pack_checkpoint.py` (encoder in float16, in shards), after
  `python -m intent train --data DIR --locale {locales} {flags}`, where DIR is made by
  `assets/wordings/build_data.py`.
- **Trained on** {train_clips} recordings: {real_clips} of callers, the training sets (80 %, seed {seed},
  stratified) of MInDS-14 {locales_in_words}, and {synthetic_clips} of synthetic speech, sentences of
  `assets/wordings`. `provenance.json` lists the hashes of their audio and of the synthetic
  sentences.
- **Accuracy** on the held-out test sets of MInDS-14: {results}.
  On the exam `assets/own-words`, freely worded and synthetic: {own_words}.
- **Limits**: MInDS-14 is telephone English of 2021, with one bank's intents; the wordings were written
  by a language model and are read by synthetic voices.
- **Licenses**: Whisper, MIT, © 2022 OpenAI (Radford et al. 2022, arXiv 2212.04356). MInDS-14,
  CC-BY-4.0 (Gerz et al. 2021, arXiv 2104.08524). This checkpoint was trained on it
  and is licensed under CC-BY-4.0.
"""


def pack(run: Path, folder: Path) -> None:
    """Write the bundled checkpoint from a run's `model/` and `report.json`."""
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    shutil.rmtree(folder, ignore_errors=True)
    model = AutoModelForAudioClassification.from_pretrained(run / "model").half()
    model.projector.float(), model.classifier.float()  # small, and the digits count there
    model.save_pretrained(folder, max_shard_size=MAX_SHARD)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["dtype"] = "float32"
    config.pop("_name_or_path", None)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    extractor = AutoFeatureExtractor.from_pretrained(run / "model")
    extractor.save_pretrained(folder)
    provenance = read_provenance(run / "model")
    provenance = dataclasses.replace(provenance, base=BASE, data=DATA)
    write_provenance(folder, provenance)
    exam = evaluate_checkpoint(str(folder), OWN_WORDS)
    write_provenance(folder, dataclasses.replace(provenance, own_words=exam.accuracy))
    card = _card(report, extractor.chunk_length, exam)
    (folder / "README.md").write_text(card, encoding="utf-8")
    for file in folder.iterdir():
        file.chmod(0o644)


def _card(report: dict, window: int, exam: Evaluation) -> str:
    from intent.data.dataset import load_data
    from intent.recipes import OF_ANY_RECIPE, Recipe, preset

    recipe, evaluation = report["recipe"], report["evaluation"]
    synthetic = sum(load_data(recipe["data"], recipe["locales"])["train"]["synthetic"])
    usual = dataclasses.asdict(preset(recipe["preset"]))
    named = {*OF_ANY_RECIPE, "seed"} - {"reject_label"}
    changes = "".join(
        f" --set {field.name}={recipe[field.name]}"
        for field in dataclasses.fields(Recipe)
        if field.name not in named and recipe[field.name] != usual[field.name]
    )
    low, high = (100 * bound for bound in evaluation["interval"])
    results = (
        f"{100 * evaluation['accuracy']:.1f} % of {evaluation['clips']} ({low:.1f}–{high:.1f} %)"
    )
    for locale, part in evaluation["per_locale"].items():
        results += f"; {locale} {100 * part['accuracy']:.1f} % of {part['clips']}"
    return CARD.format(
        base=BASE,
        data=DATA,
        window=window,
        locales=" ".join(recipe["locales"]),
        flags=f"--base {BASE} --recipe {recipe['preset']}{changes} --seed {recipe['seed']}",
        seed=recipe["seed"],
        train_clips=report["train_clips"],
        real_clips=report["train_clips"] - synthetic,
        synthetic_clips=synthetic,
        results=results,
        own_words=f"{100 * exam.accuracy:.1f} % of {exam.clips} sentences",
        locales_in_words=" and ".join(recipe["locales"]),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path, help="the directory of a finished run")
    pack(parser.parse_args().run, BUNDLED_CHECKPOINT)
