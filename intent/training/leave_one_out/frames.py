"""Read frames at the last layer's input: some at random for training, all to fit the head."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

FRAMES = 48  # drawn per clip and epoch: about 1 s, so that no epoch sees a whole clip


class DrawnFrames(torch.utils.data.Dataset):
    """Clips; each access draws random frames from a random copy, with torch's random generator."""

    def __init__(self, files: Sequence[Sequence[Path]], label_ids: Sequence[int]) -> None:
        self.files, self.label_ids = files, label_ids

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor | int]:
        copies = self.files[index]
        stream = np.load(copies[int(torch.randint(len(copies), ()))], mmap_mode="r")
        rows = torch.randint(len(stream), (FRAMES,)).sort().values.numpy()
        frames = torch.from_numpy(stream[rows].astype(np.float32))  # (FRAMES, width)
        return {"frames": frames, "labels": self.label_ids[index]}


def batched(files: Sequence[Path], frames: int) -> Iterator[list[np.ndarray]]:
    """Yield the arrays in files in batches; a batch is full once it has `frames` frames."""
    some: list[np.ndarray] = []
    for file in files:
        some.append(np.load(file))
        if sum(map(len, some)) >= frames:
            yield some
            some = []
    if some:
        yield some
