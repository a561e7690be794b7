"""Write the model card of a run: metadata for the Hub, results, hyperparameters and limits."""

import dataclasses
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intent.audio.speech_part import margin
from intent.labels import human_name
from intent.paths import BUNDLED, MINDS14, MINDS14_HUB_ID, SAMPLE
from intent.recipes import WHISPER, Recipe, fields_read_by
from intent.runs.events import EvalPoint, History
from intent.sharing.confusion_png import confusion_png
from intent.sharing.public_view import LOCAL_BASE, LOCAL_DATA, PublicRun

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

TEMPLATE = Path(__file__).with_name("card.md.jinja")
CARD_FILE, PICTURE_FILE = "README.md", "confusion.png"
TASK = "audio-classification"
TAGS = ("intent-classification", "speech", "intent-studio")
DATA_IDS = {  # name of the data in a recipe → type and name in the Hub's model index
    MINDS14: (MINDS14_HUB_ID, "MInDS-14"),
    SAMPLE: ("audiofolder", "Intent Studio sample (synthetic speech)"),
}
MAX_CURVE_ROWS = 12
NOT_LISTED = {"preset", "data", "locales", "base", "logging_steps"}  # stated elsewhere in the card
MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&!])")  # characters with a meaning in Markdown or HTML


def card_files(
    run: PublicRun, history: History, name: str, model: str, window_seconds: float | None
) -> dict[str, bytes]:
    """Return the card (README.md) and its picture of the confusion matrix, by file name.

    name: of the model in the Hub's model index; model: what `pipeline(model=…)` takes to load it, a
    Hub id or a folder's name; window_seconds: how much of a clip the model uses, None for all.
    """
    from huggingface_hub import ModelCard

    results, files = run.results, {}
    if results.clips:
        names = [human_name(label, _reject_label(run)) for label in results.labels]
        files[PICTURE_FILE] = confusion_png(results.confusion, names)
    card = ModelCard.from_template(
        metadata(run, name),
        template_path=str(TEMPLATE),
        **_words(run),
        **_tables(run, history, window_seconds),
        run=run,
        recipe=run.recipe,
        provenance=run.provenance,
        report=run.report,
        results=results,
        model=model,
        window_seconds=window_seconds,
        margin_seconds=margin(window_seconds or math.inf),
        picture=PICTURE_FILE if files else None,
    )
    return {CARD_FILE: f"{card}\n".encode(), **files}


def metadata(run: PublicRun, name: str) -> "ModelCardData":
    """Return the card's metadata, with its results in the Hub's model index."""
    from huggingface_hub import ModelCardData

    results = _results(run)
    languages = sorted({locale.split("-")[0] for locale in _locales(run)})
    return ModelCardData(
        base_model=run.root,
        datasets=[MINDS14_HUB_ID] if run.trained_on_minds14 else None,
        language=languages or None,
        library_name="transformers",
        license="cc-by-4.0" if run.trained_on_minds14 else "unknown",
        metrics=["accuracy"],
        pipeline_tag=TASK,
        tags=list(TAGS),
        model_name=name if results else None,
        eval_results=results or None,
    )


def markdown_text(value: object) -> str:
    """Return a value as one line of Markdown that shows it literally, also within a table."""
    return MARKUP.sub(r"\\\1", " ".join(str(value).split()))


def accuracy_in_words(accuracy: float, interval: Sequence[float] | None) -> str:
    """Return an accuracy, 0..1, as "83.3 % (95 % confidence interval: 43.6 to 97.0 %)"."""
    bounds = ""
    if interval:
        bounds = (
            f" (95 % confidence interval: {100 * interval[0]:.1f} to {100 * interval[1]:.1f} %)"
        )
    return f"{100 * accuracy:.1f} %{bounds}"


def thinned(points: Sequence[EvalPoint]) -> list[EvalPoint]:
    """Return evenly spaced points of a curve, including the last one; none if it has one point."""
    if len(points) < 2:
        return []
    step = max(1, -(-len(points) // MAX_CURVE_ROWS))
    return [*points[:-1:step], points[-1]]


def _words(run: PublicRun) -> dict[str, Any]:
    """Return the texts and formatting functions of the template."""
    return {
        "text": markdown_text,
        "human_name": human_name,
        "accuracy": accuracy_in_words,
        "minds14": MINDS14,
        "sample": SAMPLE,
        "labels": [markdown_text(human_name(label)) for label in _intents(run)],
        "locales": ", ".join(map(markdown_text, _locales(run))),
        "base": _base(run),
        "data": _data(run),
    }


def _tables(run: PublicRun, history: History, window_seconds: float | None) -> dict[str, Any]:
    """Return the rows of the template's tables on training."""
    curve = thinned(history.evaluations)
    return {
        "hyperparameters": _hyperparameters(run.recipe, window_seconds),
        "curve": curve,
        "curve_counts_clips": bool(curve) and curve[-1].clips is not None,
    }


def _results(run: PublicRun) -> "list[EvalResult]":
    """Return the accuracy per locale, else over all clips; nothing without test clips."""
    from huggingface_hub import EvalResult

    recipe = run.recipe
    accuracies: dict[str | None, float] = {
        locale: result.accuracy for locale, result in run.results.per_locale.items()
    }
    if not accuracies and run.provenance.accuracy is not None:
        accuracies = {None: run.provenance.accuracy}
    kind, data_name = DATA_IDS.get(recipe.data, ("audiofolder", recipe.data))
    return [
        EvalResult(
            task_type=TASK,
            task_name="Audio classification",
            dataset_type=kind,
            dataset_name=data_name,
            dataset_config=locale,
            dataset_split="train" if recipe.data == MINDS14 else None,
            dataset_args={"test_share": recipe.test_share, "seed": recipe.seed},
            metric_type="accuracy",
            metric_name="Accuracy on held-out recordings",
            metric_value=round(accuracy, 4),
        )
        for locale, accuracy in accuracies.items()
    ]


def _locales(run: PublicRun) -> tuple[str, ...]:
    """Return the locales of the recordings, as far as they are known."""
    if run.recipe.data == SAMPLE:
        return ("en",)
    if run.recipe.data == MINDS14:
        return run.recipe.locales
    return tuple(run.results.per_locale)


def _intents(run: PublicRun) -> list[str]:
    """Return the labels but the one that means "none of the intents"."""
    return [label for label in run.results.labels if label != _reject_label(run)]


def _reject_label(run: PublicRun) -> str | None:
    return run.recipe.reject_label or None


def _hyperparameters(recipe: Recipe, window_seconds: float | None) -> dict[str, object]:
    used = fields_read_by(recipe.method, WHISPER if window_seconds else "another") - NOT_LISTED
    names = [field.name for field in dataclasses.fields(Recipe)]
    return {name: getattr(recipe, name) for name in names if name in used}


def _base(run: PublicRun) -> str:
    if run.recipe.base == BUNDLED:
        return f"Intent Studio's bundled checkpoint (fine-tuned from {_link(run.root)})"
    if run.recipe.base == LOCAL_BASE:
        origin = f" (fine-tuned from {_link(run.root)})" if run.root else ""
        return f"an unpublished checkpoint{origin}"
    return _link(run.recipe.base)


def _data(run: PublicRun) -> str:
    if run.recipe.data == MINDS14:
        locales = ", ".join(map(markdown_text, run.recipe.locales))
        return f"[MInDS-14](https://huggingface.co/datasets/PolyAI/minds14) ({locales})"
    names = {
        SAMPLE: "Intent Studio's sample of synthetic speech",
        LOCAL_DATA: "unpublished recordings",
    }
    return names.get(run.recipe.data, markdown_text(run.recipe.data))


def _link(hub_id: str | None) -> str:
    return f"[{hub_id}](https://huggingface.co/{hub_id})" if hub_id else "an unknown base model"
