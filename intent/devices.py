"""Where models run, and in which precision."""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    import torch

HEAD_MODULES = ("projector", "classifier")  # what follows the encoder in stock classifiers


def best_device() -> str:
    """Return the fastest device here: "cuda", "mps" or "cpu"."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    return "cpu"


def precision(device: str) -> torch.dtype:
    """Return the dtype in which models run on a device.

    cuda: bfloat16 where the GPU computes in it, else float16. mps and cpu: float32, because half
    precision is slower on a CPU and some of its operators are missing or overflow on MPS.
    """
    import torch

    if device != "cuda":
        return torch.float32
    native_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if native_bf16 else torch.float16


def learning_precision(device: str) -> torch.dtype:
    """Return the dtype in which matrices are multiplied where features are made and weights learnt.

    That of `precision`, and bfloat16 on a CPU that multiplies in it by instructions of its own:
    twice as fast there, and slower everywhere else.
    """
    import torch

    if device != "cpu":
        return precision(device)
    can = torch.cpu.get_capabilities()
    return torch.bfloat16 if can.get("avx512_bf16") or can.get("amx_bf16") else torch.float32


def autocast(device: str, dtype: torch.dtype) -> torch.autocast:
    """Return a context in which matrices are multiplied in `dtype`; float32 changes nothing."""
    import torch

    return torch.autocast(device, dtype, enabled=dtype != torch.float32)


def compute_in(model: torch.nn.Module, dtype: torch.dtype) -> None:
    """Make the encoder of a float32 classifier compute in `dtype`, and leave its head in float32.

    Half precision has too few digits for a head: logits are small differences of large sums, and a
    closed-form one's can share an offset of thousands, where bfloat16 counts in steps of 16.
    """
    for name, module in model.named_children():
        if name in HEAD_MODULES:
            module.register_forward_pre_hook(
                lambda _, inputs: tuple(values.float() for values in inputs)
            )
        else:
            module.to(dtype)
    for parameter in model.parameters(recurse=False):  # the weights of a sum over layers
        parameter.data = parameter.data.to(dtype)


def device_name(device: str | None = None) -> str:
    """Return a device as a person knows it, such as "CPU, 2 threads"; by default the best one."""
    import torch

    device = device or best_device()
    if device == "cuda":
        return torch.cuda.get_device_name()
    if device == "mps":
        return "Apple GPU"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"
