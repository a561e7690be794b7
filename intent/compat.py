"""Access to private parts of libraries, each in one function.

Libraries may change these without notice: tests/unit/test_compat.py fails when one does. Those of
Gradio are in intent/ui/shared/compat.py.
"""

from __future__ import annotations

import copy
import ctypes
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import torch
    from datasets import DatasetBuilder
    from transformers import PreTrainedConfig, PreTrainedModel, TrainingArguments

AnyModule = TypeVar("AnyModule", bound="torch.nn.Module")


def cached_dataset(hub_id: str, config: str) -> DatasetBuilder:
    """Return the builder of a data set in the cache of `datasets`, without a request to the Hub.

    Raises ValueError or OSError if it is not cached. `load_dataset` would do the same, but only
    after minutes of retries.
    """
    from datasets.packaged_modules.cache.cache import Cache

    return Cache(
        dataset_name=hub_id.split("/")[1],
        config_name=config,
        version="auto",
        hash="auto",
        repo_id=hub_id,
    )


def limit_ffmpeg_allocation(max_bytes: int) -> None:
    """Limit the size of each allocation of the FFmpeg libraries that PyAV bundles.

    `av_max_alloc` is public in FFmpeg (libavutil/mem.h), but PyAV does not expose it.
    """
    import av._core

    ctypes.CDLL(av._core.__file__).av_max_alloc(ctypes.c_size_t(max_bytes))


def attention_implementation(config: PreTrainedConfig) -> str | None:
    """Return which implementation of attention a loaded model uses, such as "sdpa" or "eager"."""
    return config._attn_implementation


def train_on_one_device(arguments: TrainingArguments) -> None:
    """Keep Trainer from dividing each batch among all GPUs of the machine.

    The only public setting is an environment variable that torch reads when it starts.
    """
    arguments._n_gpu = min(arguments.n_gpu, 1)


def record_hidden_states(model: PreTrainedModel) -> None:
    """Prepare a model to return its hidden states, before it is copied.

    Transformers does so at the first call, by hooks on the layers, and notes it in the model. A copy
    made before that would hook the shared layers again, and each state would be recorded twice.
    """
    from transformers.utils.output_capturing import maybe_install_capturing_hooks

    maybe_install_capturing_hooks(model)


def mask_long_batches_only(model: PreTrainedModel) -> None:
    """Keep a model from masking batches shorter than a mask, for which SpecAugment would raise.

    Does nothing for models that do not mask.
    """
    base: Any = model.base_model
    mask = getattr(base, "_mask_hidden_states", None)
    if mask is None:
        return
    config: Any = base.config

    def mask_if_long(hidden_states: torch.Tensor, *rest: object, **named: object) -> torch.Tensor:
        _, frames, width = hidden_states.shape
        spans = [
            (config.mask_time_prob, config.mask_time_length, frames),
            (config.mask_feature_prob, config.mask_feature_length, width),
        ]
        if all(share <= 0 or 1 <= length <= size for share, length, size in spans):
            return mask(hidden_states, *rest, **named)
        return hidden_states

    base._mask_hidden_states = mask_if_long


def with_children(module: AnyModule, **children: torch.nn.Module) -> AnyModule:
    """Return a copy of a module with some children replaced; everything else is shared.

    Assigning a child to a plain copy would replace it in the original too: they share the dict.
    """
    other = copy.copy(module)
    other._modules = {**module._modules, **children}
    return other
