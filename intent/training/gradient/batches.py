"""Serve cached features to Trainer as data sets and batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from transformers import PreTrainedModel

from intent.training.features import Feature

Example = dict[str, torch.Tensor | int]
Batch = dict[str, torch.Tensor]


class FeatureDataset(torch.utils.data.Dataset):
    """Features and label ids; each augmented copy of a clip is an example."""

    def __init__(
        self, input_name: str, features: Sequence[Feature], label_ids: Sequence[int]
    ) -> None:
        self.input_name, self.features, self.label_ids = input_name, features, label_ids

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: int) -> Example:
        array = self.features[index].load("r").astype(np.float32)
        return {self.input_name: torch.from_numpy(array), "labels": self.label_ids[index]}


@dataclass(frozen=True)
class Collator:
    """Collate examples into a batch, padded with zeros, and with a mask if the encoder needs one.

    `convolved` is the model if the features are the output of its convolutions: its mask counts
    samples, not frames. None if the features are samples or have one length.
    """

    input_name: str
    with_mask: bool
    convolved: PreTrainedModel | None

    def __call__(self, examples: Sequence[Example]) -> Batch:
        arrays = [cast(torch.Tensor, example[self.input_name]) for example in examples]
        batch = {
            self.input_name: torch.nn.utils.rnn.pad_sequence(arrays, batch_first=True),
            "labels": torch.tensor([example["labels"] for example in examples]),
        }
        if self.with_mask:
            lengths = torch.tensor([self._samples(len(array)) for array in arrays])
            batch["attention_mask"] = (
                torch.arange(int(lengths.max()))[None, :] < lengths[:, None]
            ).long()  # (batch, samples)
        return batch

    def _samples(self, length: int) -> int:
        """Return the number of samples that give so many features."""
        if self.convolved is None:
            return length
        config = self.convolved.config
        for kernel, stride in zip(
            reversed(config.conv_kernel), reversed(config.conv_stride), strict=True
        ):
            length = (length - 1) * stride + kernel
        return length


def batches(dataset: FeatureDataset, collator: Collator, size: int) -> Iterator[Batch]:
    """Yield the batches of a data set in order."""
    for start in range(0, len(dataset), size):
        yield collator([dataset[i] for i in range(start, min(start + size, len(dataset)))])
