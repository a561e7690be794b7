"""The text of a model card: how to use a checkpoint, what it was taught, what it gets wrong."""

import dataclasses
from collections.abc import Sequence

from intent.labels import human_name
from intent.paths import BUNDLED, MINDS14, SAMPLE
from intent.recipes import WHISPER, Recipe, fields_read_by
from intent.runs.events import History
from intent.sharing.public_view import LOCAL_BASE, LOCAL_DATA, Published

MAX_CURVE_ROWS = 12
SAID_ELSEWHERE = {"preset", "data", "locales", "base", "logging_steps"}


def card_body(
    about: Published,
    history: History,
    model: str,
    window_seconds: float | None,
    picture: str | None,
) -> str:
    """Return the card below its metadata, in Markdown."""
    sections = (
        _what(about),
        _use(model),
        _result(about, picture),
        _training(about, history, window_seconds),
        _limits(about, window_seconds),
        _licences(about),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def callers(about: Published) -> tuple[str, ...]:
    """Return the locales of the callers that it learnt from, as far as they are known."""
    if about.recipe.data == SAMPLE:
        return ("en",)
    if about.recipe.data == MINDS14:
        return about.recipe.locales
    return tuple((about.report.get("evaluation") or {}).get("per_locale", {}))


def _what(about: Published) -> str:
    labels = _labels(about)
    wants = f"which of {len(labels)} intents" if labels else "which intent"
    return (
        f"# {about.run_id}\n"
        f"Hears {wants} a caller has, from the sound of the call alone. Fine-tuned from "
        f"{_base(about)} on {_data(about)} with Intent Studio’s recipe *{about.recipe.preset}*."
        + (f"\n\nIntents: {', '.join(human_name(label) for label in labels)}." if labels else "")
    )


def _use(model: str) -> str:
    return f"""## How to use it
```python
from transformers import pipeline
classifier = pipeline("audio-classification", model="{model}")
classifier(samples, top_k=5)  # samples: mono float32 at 16 kHz; a file’s name, where ffmpeg is there
```"""


def _result(about: Published, picture: str | None) -> str:
    provenance, evaluation = about.provenance, about.report.get("evaluation") or {}
    if provenance.accuracy is None:
        return "## Result\nNot measured: no test clip was left that it had not learnt from."
    lines = [
        "## Result",
        f"**{_accuracy(provenance.accuracy, provenance.interval)}** of "
        f"{provenance.test_clips} clips that were kept apart are heard right.",
    ]
    for locale, figure in evaluation.get("per_locale", {}).items():
        lines.append(
            f"{locale}: {_accuracy(figure['accuracy'], figure['interval'])} of {figure['clips']}."
        )
    if evaluation:
        lines += [
            "",
            *_table(
                ("intent", "precision", "recall", "F1", "test clips"),
                [
                    (
                        human_name(label),
                        *(f"{row[name]:.2f}" for name in ("precision", "recall", "f1")),
                        row["support"],
                    )
                    for label, row in evaluation["per_intent"].items()
                ],
            ),
        ]
    if picture:
        lines += [
            "",
            f"![Confusion matrix: a row what was meant, a column what was heard]({picture})",
        ]
    return "\n".join(lines)


def _training(about: Published, history: History, window_seconds: float | None) -> str:
    recipe, report = about.recipe, about.report
    read = fields_read_by(recipe.method, WHISPER if window_seconds else "another")
    rows = [
        (f"`{field.name}`", getattr(recipe, field.name))
        for field in dataclasses.fields(Recipe)
        if field.name in read - SAID_ELSEWHERE
    ]
    lines = ["## Training"]
    if report:
        ended = "" if report["outcome"] == "done" else f" It ended early ({report['outcome']})."
        lines.append(f"{report['train_clips']} clips, {report['seconds']:.0f} s of work.{ended}")
    lines += ["", *_table(("hyperparameter", "value"), rows), *_curve(history)]
    return "\n".join(lines)


def _curve(history: History) -> list[str]:
    """The tests on the way, thinned out."""
    points = history.evaluations
    if len(points) < 2:
        return []
    step = max(1, -(-len(points) // MAX_CURVE_ROWS))
    kept = [*points[:-1:step], points[-1]]
    by_clips = kept[-1].clips is not None
    rows = [
        (
            point.clips if by_clips else f"{point.epoch or 0:.1f}",
            f"{point.accuracy:.3f}",
            "" if point.loss is None else f"{point.loss:.4f}",
        )
        for point in kept
    ]
    unit = "clips learnt from" if by_clips else "epoch"
    return ["", *_table((unit, "test accuracy", "test loss"), rows)]


def _limits(about: Published, window_seconds: float | None) -> str:
    provenance, labels = about.provenance, _labels(about)
    limits = [_certainty(about), _calibration(about), _heard_callers(about)]
    if about.recipe.keep_best:
        limits.append(
            "Its best epoch was chosen on the very clips that the accuracy is of, which flatters it."
        )
    limits.append(
        f"It knows {'these ' + str(len(labels)) if labels else 'its'} intents and no “none of "
        "these”: whatever it hears, it names one."
    )
    if window_seconds:
        limits.append(f"It hears the first {window_seconds:g} s of a clip, and no more.")
    limits.append(
        "It is not for decisions about people or their money without a person who checks them."
    )
    if provenance.trained_on:
        limits.append("`provenance.json` lists hashes of the sounds that it has learnt from.")
    return "\n".join(["## Limits", *(f"- {limit}" for limit in limits)])


def _certainty(about: Published) -> str:
    provenance = about.provenance
    if provenance.interval is None:
        return "How often it is right was not measured."
    low, high = (f"{100 * bound:.1f}" for bound in provenance.interval)
    return (
        f"{provenance.test_clips} test clips say little more than that its accuracy on such clips "
        f"lies between {low} and {high} % (95 % interval)."
    )


def _calibration(about: Published) -> str:
    error = (about.report.get("evaluation") or {}).get("ece")
    if error is None:
        return "Whether its scores can be taken as probabilities was not measured."
    return (
        f"Its scores are off by {100 * error:.1f} points on average (expected calibration error on "
        "the test clips): a score of 0.9 is not a promise to be right nine times of ten."
    )


def _heard_callers(about: Published) -> str:
    if about.recipe.data == SAMPLE:
        return "Its test callers are synthetic voices: no measure of how well it hears people."
    known = ", ".join(callers(about))
    if about.recipe.data == MINDS14:
        return (
            f"Its callers: {known}, telephone recordings of 2021 for one bank’s intents. Other "
            "accents, languages, lines and banks were not tested."
        )
    who = f"{known}, those" if known else "those"
    return f"Its callers: {who} of one collection of recordings. Others were not tested."


def _licences(about: Published) -> str:
    if about.learnt_minds14:
        return (
            "## Licences\nIt learnt from MInDS-14, CC-BY-4.0 (Gerz et al. 2021, "
            "[arXiv 2104.08524](https://arxiv.org/abs/2104.08524)), and is given on under CC-BY-4.0; "
            "the terms of the encoder that it was made from hold as well."
        )
    return (
        "## Licences\nNone was chosen: the terms of the encoder that it was made from and of the "
        "recordings that it learnt from hold."
    )


def _base(about: Published) -> str:
    if about.recipe.base == BUNDLED:
        return f"Intent Studio’s bundled checkpoint (made from {_link(about.root)})"
    if about.recipe.base == LOCAL_BASE:
        origin = f", made from {_link(about.root)}" if about.root else ""
        return f"an unpublished checkpoint{origin}"
    return _link(about.recipe.base)


def _data(about: Published) -> str:
    if about.recipe.data == MINDS14:
        where = ", ".join(about.recipe.locales)
        return f"[MInDS-14](https://huggingface.co/datasets/PolyAI/minds14) ({where})"
    names = {
        SAMPLE: "Intent Studio’s sample of synthetic speech",
        LOCAL_DATA: "recordings that are not published",
    }
    return names.get(about.recipe.data, about.recipe.data)


def _link(hub_id: str | None) -> str:
    return f"[{hub_id}](https://huggingface.co/{hub_id})" if hub_id else "an unknown encoder"


def _labels(about: Published) -> Sequence[str]:
    return (about.report.get("evaluation") or {}).get("labels", ())


def _accuracy(accuracy: float, interval: Sequence[float] | None) -> str:
    bounds = (
        f" (95 % interval {100 * interval[0]:.1f}–{100 * interval[1]:.1f} %)" if interval else ""
    )
    return f"{100 * accuracy:.1f} %{bounds}"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    def line(cells: Sequence[object]) -> str:
        words = (" ".join(str(cell).replace("|", "\\|").split()) for cell in cells)
        return f"| {' | '.join(words)} |"

    return [line(head), line(["---"] * len(head)), *(line(row) for row in rows)]
