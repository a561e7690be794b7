"""Accuracy as a metric of the `evaluate` library, without network or a writable cache."""

import tempfile

import datasets
import evaluate
from sklearn.metrics import accuracy_score


class AccuracyMetric(evaluate.Metric):
    """The share of predictions that equal their references, as `evaluate.load("accuracy")` has it.

    `evaluate.load` fetches code from the Hub at run time, and a metric makes a folder under
    HF_HOME; this one has its code here and its folder, which stays empty, among temporary files.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="intent-metric-")
        super().__init__(keep_in_memory=True, cache_dir=self._folder.name)

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Accuracy: the share of predictions that are right.",
            citation="",
            inputs_description="predictions, references: label ids, one a clip.",
            features=datasets.Features(
                predictions=datasets.Value("int64"), references=datasets.Value("int64")
            ),
        )

    def _compute(self, predictions: list[int], references: list[int]) -> dict[str, float]:
        return {"accuracy": float(accuracy_score(references, predictions))}
