"""Check that transformers found every weight: it initializes missing ones without an error."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from intent.devices import HEAD_MODULES
from intent.errors import CheckpointError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LAYER_WEIGHTS, MASK_EMBEDDING = "layer_weights", "masked_spec_embed"

Report = Mapping[str, Any]  # what `from_pretrained(output_loading_info=True)` returns with a model


def check_checkpoint_weights(report: Report, shown: str) -> None:
    """Raise CheckpointError unless the checkpoint named `shown` has every weight of inference."""
    for name, found, expected in report["mismatched_keys"]:
        if name.startswith("classifier"):
            raise CheckpointError(
                f"{shown} has weights for {found[0]} labels, but its config names {expected[0]}: "
                "fix id2label in its config.json, or choose another checkpoint."
            )
    missing = [name for name in report["missing_keys"] if not name.endswith(MASK_EMBEDDING)]
    _check(_misshapen(report), missing, shown, "choose another checkpoint")


def check_base_weights(report: Report, shown: str) -> None:
    """Raise CheckpointError unless the base named `shown` has every weight below a new head.

    Weights over layers and the embedding of masked frames may be missing: see `set_new_weights`.
    """

    def is_needed(name: str) -> bool:
        is_new = name == LAYER_WEIGHTS or name.endswith(MASK_EMBEDDING)
        return not is_new and name.partition(".")[0] not in HEAD_MODULES

    misshapen = list(filter(is_needed, _misshapen(report)))
    missing = list(filter(is_needed, report["missing_keys"]))
    _check(misshapen, missing, shown, "choose another base model")


def set_new_weights(model: "PreTrainedModel", report: Report) -> None:
    """Initialize weights that a base may lack and transformers leaves uninitialized.

    The weights over layers become equal and the embedding of masked frames uniform in [0, 1), as in
    the constructors of transformers 5, whose values do not survive loading for every model type.
    """
    import torch

    absent = {*report["missing_keys"], *_misshapen(report)}
    for name, weight in model.named_parameters():
        if name in absent and name == LAYER_WEIGHTS:
            torch.nn.init.constant_(weight, 1 / weight.numel())
        elif name in absent and name.endswith(MASK_EMBEDDING):
            torch.nn.init.uniform_(weight)


def _misshapen(report: Report) -> list[str]:
    return [name for name, *_ in report["mismatched_keys"]]


def _check(misshapen: list[str], missing: list[str], shown: str, other: str) -> None:
    shape = "of a different shape than its config says"
    for problem, names in ((shape, misshapen), ("missing", missing)):
        if names:
            raise CheckpointError(
                f"{shown} has weights that are {problem} ({min(names)}): save or download it "
                f"again, or {other}."
            )
