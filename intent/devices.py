"""Choose the device that models run on, and the precision."""

from __future__ import annotations

import sys
import typing
from pathlib import Path

if typing.TYPE_CHECKING:
    import torch

HEAD_MODULES = ("projector", "classifier")  # after the encoder, in the classifiers of transformers

# Files in /dev of GPUs that torch can use: NVIDIA's, also of a Jetson and under Windows, and AMD's.
GPU_FILES = ("nvidia*", "nvhost*", "dxg", "kfd")


def may_have_gpu() -> bool:
    """Return False only if there is certainly no GPU: asking torch takes as long as importing it."""
    return sys.platform != "linux" or any(any(Path("/dev").glob(name)) for name in GPU_FILES)


def best_device() -> str:
    """Return the fastest available device: "cuda", "mps" or "cpu"."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    return "cpu"


def precision(device: str) -> torch.dtype:
    """Return the dtype for inference on a device.

    cuda: bfloat16 if the GPU supports it, else float16. mps and cpu: float32, because half
    precision is slower on a CPU and some of its operators are missing or overflow on MPS.
    """
    import torch

    if device != "cuda":
        return torch.float32
    native_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if native_bf16 else torch.float16


def training_precision(device: str) -> torch.dtype:
    """Return the dtype of matrix products for features and training.

    As in `precision`, but bfloat16 on a CPU with instructions for it: twice as fast there, slower on
    other CPUs.
    """
    import torch

    if device != "cpu":
        return precision(device)
    cpu = torch.cpu.get_capabilities()
    return torch.bfloat16 if cpu.get("avx512_bf16") or cpu.get("amx_bf16") else torch.float32


def autocast(device: str, dtype: torch.dtype) -> torch.autocast:
    """Return a context that multiplies matrices in `dtype`; does nothing for float32."""
    import torch

    return torch.autocast(device, dtype, enabled=dtype != torch.float32)


def compute_in(model: torch.nn.Module, dtype: torch.dtype) -> None:
    """Convert the encoder of a float32 classifier to `dtype`, and keep its head in float32.

    Half precision has too few digits for the head: logits are small differences of large sums, and
    those of a closed-form head can share an offset of thousands, where bfloat16 has steps of 16.
    """
    for name, module in model.named_children():
        if name in HEAD_MODULES:
            module.register_forward_pre_hook(
                lambda _, inputs: tuple(values.float() for values in inputs)
            )
        else:
            module.to(dtype)
    for parameter in model.parameters(recurse=False):  # such as the weights of a sum over layers
        parameter.data = parameter.data.to(dtype)


def device_name(device: str | None = None) -> str:
    """Return the readable name of a device, by default the best one, such as "CPU, 2 threads"."""
    import torch

    device = device or best_device()
    if device == "cuda":
        return torch.cuda.get_device_name()
    if device == "mps":
        return "Apple GPU"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"
