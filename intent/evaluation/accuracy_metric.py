"""Compute accuracy as a metric of the `evaluate` library, without network or a writable cache."""

import tempfile

import datasets
import evaluate
from sklearn.metrics import accuracy_score


class AccuracyMetric(evaluate.Metric):
    """The share of predictions that equal their references, as in `evaluate.load("accuracy")`.

    `evaluate.load` downloads code from the Hub at run time, and a metric creates a folder under
    HF_HOME. Here the code is local, and the folder, which stays empty, is a temporary one.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="intent-metric-")
        super().__init__(keep_in_memory=True, cache_dir=self._folder.name)

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Accuracy: the share of correct predictions.",
            citation="",
            inputs_description="predictions, references: label ids, one per clip.",
            features=datasets.Features(
                predictions=datasets.Value("int64"), references=datasets.Value("int64")
            ),
        )

    def _compute(self, predictions: list[int], references: list[int]) -> dict[str, float]:
        return {"accuracy": float(accuracy_score(references, predictions))}
