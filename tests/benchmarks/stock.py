"""Score a run's test set with the stock pipeline: the published results are these."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intent.evaluation.metrics import Evaluation, score


@dataclass(frozen=True)
class StockAnswers:
    """The stock pipeline's scores (clips, labels) of test clips not seen in training."""

    labels: tuple[str, ...]
    true_ids: np.ndarray  # (clips,) int
    locales: tuple[str, ...]
    probabilities: np.ndarray

    def figures(self, locale: str | None = None) -> Evaluation:
        """Return the metrics of all clips, or of one locale's."""
        rows = [row for row, one in enumerate(self.locales) if locale in (None, one)]
        return score(
            labels=self.labels,
            true_ids=self.true_ids[rows],
            probabilities=self.probabilities[rows],
            clip_names=[""] * len(rows),
            transcriptions=[""] * len(rows),
            locales=[self.locales[row] for row in rows],
        )


def stock_answers(model: Path, data: str, locales: list[str], seed: int) -> StockAnswers:
    """Return the stock pipeline's scores on the test set of a run with these choices.

    It is given the part of each recording that `classify` would use.
    """
    from transformers import pipeline

    from intent.audio.clip import clip_hash, resample
    from intent.audio.speech_part import speech_part
    from intent.checkpoints.provenance import read_provenance
    from intent.checkpoints.resolve import window_seconds
    from intent.data.dataset import label_names, load_data, readable_clips, split

    test = split(load_data(data, locales), seed)["test"]
    names, columns = label_names(test), test.select_columns(["label", "locale"])[:]
    provenance = read_provenance(model)
    trained_on = set(provenance.trained_on if provenance else ())
    stock = pipeline("audio-classification", model=str(model))
    rate, rows, scores = stock.feature_extractor.sampling_rate, [], []
    window = window_seconds(model) or math.inf
    for row, clip in readable_clips(test, lambda name, reason: None):
        if clip_hash(clip) not in trained_on:
            answers = stock(resample(speech_part(clip, window).cut(clip), rate).samples, top_k=None)
            score_of = {answer["label"]: answer["score"] for answer in answers}
            scores.append([score_of[name] for name in names])
            rows.append(row)
    return StockAnswers(
        names,
        np.array([columns["label"][row] for row in rows], int),
        tuple(columns["locale"][row] for row in rows),
        np.array(scores).reshape(len(rows), len(names)),
    )


def pooled(answers: list[StockAnswers]) -> StockAnswers:
    """Return the answers on several test sets with the same labels as one."""
    return StockAnswers(
        answers[0].labels,
        np.concatenate([one.true_ids for one in answers]),
        tuple(locale for one in answers for locale in one.locales),
        np.concatenate([one.probabilities for one in answers]),
    )
