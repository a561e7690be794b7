"""Export a checkpoint as an ONNX graph, for programs without PyTorch."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from intent.checkpoints.resolve import window_seconds
from intent.errors import CheckpointError
from intent.models.classifier import MIN_INPUT_SECONDS

if TYPE_CHECKING:
    import onnx_ir
    import torch

NEEDED = ("onnx", "onnxscript")
PROBE_SECONDS = 2
OUTPUT = "logits"


def onnx_bytes(folder: Path) -> bytes:
    """Return a checkpoint as one ONNX file, weights included; the format allows at most 2 GB.

    The input is the output of the checkpoint's feature extractor, float32, for any number of
    clips, of any length from half a second if the encoder has no fixed window. The output is
    `logits` (clips, labels); their softmax gives the scores. The exporter's notes on the nodes,
    which contain paths of this machine, are removed. Raises CheckpointError.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise CheckpointError(
            f"ONNX export needs {' and '.join(missing)}, not installed: pip install "
            f"{' '.join(missing)}, or share without ONNX."
        )
    try:
        program = _export(folder)
    except Exception as error:  # noqa: BLE001 - exporters raise many kinds
        reason = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise CheckpointError(
            f"This checkpoint could not be exported as ONNX ({reason}): share it without ONNX."
        ) from error
    _remove_notes(program.model)
    import onnx_ir

    return onnx_ir.serde.serialize_model(program.model).SerializeToString(deterministic=True)


def _export(folder: Path) -> "torch.onnx.ONNXProgram":
    import torch
    from torch.export import Dim
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    model = AutoModelForAudioClassification.from_pretrained(
        folder,
        dtype=torch.float32,
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
    ).eval()
    extractor = AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
    rate = extractor.sampling_rate
    probe = np.random.default_rng(0).standard_normal((2, PROBE_SECONDS * rate)).astype(np.float32)
    inputs = extractor(list(probe), sampling_rate=rate, return_tensors="pt")
    name = extractor.model_input_names[0]
    axes = {0: Dim("clips")}
    if window_seconds(folder) is None:
        axes[1] = Dim("samples", min=int(MIN_INPUT_SECONDS * rate))
    program = torch.onnx.export(
        model,
        (),
        kwargs={name: inputs[name]},
        dynamo=True,
        dynamic_shapes={name: axes},
        input_names=[name],
        output_names=[OUTPUT],
        verbose=False,
    )
    return cast("torch.onnx.ONNXProgram", program)  # None only for the exporter without dynamo


def _remove_notes(model: "onnx_ir.Model") -> None:
    """Clear the metadata of the graph and all its nodes: stack traces with the exporter's paths."""
    functions = list(model.functions.values())
    annotated: list[onnx_ir.Model | onnx_ir.Graph | onnx_ir.Function | onnx_ir.Node]
    annotated = [model, model.graph, *functions, *model.graph.all_nodes()]
    annotated += [node for function in functions for node in function.all_nodes()]
    for part in annotated:
        part.metadata_props.clear()
        part.doc_string = None
    for value in model.graph.initializers.values():
        value.metadata_props.clear()
