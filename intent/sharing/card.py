"""The model card of a run: metadata for the Hub, and what a person should know before using it."""

from typing import TYPE_CHECKING

from intent.labels import human_name
from intent.paths import MINDS14, MINDS14_HUB_ID, SAMPLE
from intent.runs.events import History
from intent.sharing.card_sections import callers, card_body
from intent.sharing.confusion_png import confusion_png
from intent.sharing.public_view import Published

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

CARD_FILE, PICTURE_FILE = "README.md", "confusion.png"
TASK = "audio-classification"
TAGS = ("intent-classification", "speech", "intent-studio")
DATA_IDS = {  # how a recipe names data → type and name in a model index
    MINDS14: (MINDS14_HUB_ID, "MInDS-14"),
    SAMPLE: ("audiofolder", "Intent Studio sample (synthetic speech)"),
}


def card_files(
    about: Published, history: History, name: str, model: str, window_seconds: float | None
) -> dict[str, bytes]:
    """Return the card (README.md) and the picture that it shows, by file name.

    name: of the model in its index; model: what `pipeline(model=…)` takes to load it, a Hub id or
    a folder's name; window_seconds: what it hears of a clip, None for all.
    """
    evaluation = about.report.get("evaluation") or {}
    files = {}
    if evaluation.get("clips"):
        labels = [human_name(label) for label in evaluation["labels"]]
        files[PICTURE_FILE] = confusion_png(evaluation["confusion"], labels)
    picture = PICTURE_FILE if files else None
    body = card_body(about, history, model, window_seconds, picture)
    text = f"---\n{metadata(about, name).to_yaml()}\n---\n{body}"
    return {CARD_FILE: text.encode(), **files}


def metadata(about: Published, name: str) -> "ModelCardData":
    """Return the card's metadata, its results in the Hub's model index."""
    from huggingface_hub import ModelCardData

    results = _results(about)
    return ModelCardData(
        base_model=about.root,
        datasets=[MINDS14_HUB_ID] if about.learnt_minds14 else None,
        language=_languages(about) or None,
        library_name="transformers",
        license="cc-by-4.0" if about.learnt_minds14 else "unknown",
        metrics=["accuracy"],
        pipeline_tag=TASK,
        tags=list(TAGS),
        model_name=name if results else None,
        eval_results=results or None,
    )


def _results(about: Published) -> "list[EvalResult]":
    """An accuracy for each locale that is known, else for all clips; none without test clips."""
    from huggingface_hub import EvalResult

    recipe, provenance = about.recipe, about.provenance
    evaluation = about.report.get("evaluation") or {}
    accuracies = {
        locale: figure["accuracy"] for locale, figure in evaluation.get("per_locale", {}).items()
    }
    if not accuracies and provenance.accuracy is not None:
        accuracies = {None: provenance.accuracy}
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
            metric_name="Accuracy on clips kept apart",
            metric_value=round(accuracy, 4),
        )
        for locale, accuracy in accuracies.items()
    ]


def _languages(about: Published) -> list[str]:
    """The languages of the callers, as far as they are known."""
    return sorted({locale.split("-")[0] for locale in callers(about)})
