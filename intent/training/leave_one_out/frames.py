"""Read frames at the last layer's input: some at random for training, all to fit the head."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from intent.training.features import Feature

FRAMES = 48  # drawn per clip and epoch: about 1 s, so that no epoch sees a whole clip


class DrawnFrames(torch.utils.data.Dataset):
    """Clips; each access draws random frames from a random copy, with torch's random generator."""

    def __init__(self, features: Sequence[Sequence[Feature]], label_ids: Sequence[int]) -> None:
        self.features, self.label_ids = features, label_ids

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor | int]:
        copies = self.features[index]
        stream = copies[int(torch.randint(len(copies), ()))].load("r")
        rows = torch.randint(len(stream), (FRAMES,)).sort().values.numpy()
        frames = torch.from_numpy(stream[rows].astype(np.float32))  # (FRAMES, width)
        return {"frames": frames, "labels": self.label_ids[index]}


def batched(features: Sequence[Feature], frames: int) -> Iterator[list[np.ndarray]]:
    """Yield the arrays of features in batches; a batch is full once it has `frames` frames."""
    some: list[np.ndarray] = []
    for one in features:
        some.append(one.load())
        if sum(map(len, some)) >= frames:
            yield some
            some = []
    if some:
        yield some
