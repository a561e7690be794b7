"""A checkpoint as an ONNX graph, for programs without PyTorch."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

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
    """Return a checkpoint folder as one ONNX file, weights included (at most 2 GB, its format's end).

    Its one input is what the checkpoint's feature extractor gives, float32, any number of clips;
    of any length of half a second or more where the encoder has no fixed window. Its output,
    `logits` (clips, labels), becomes the scores by softmax. Notes that the exporter leaves on the
    nodes, with paths of this machine, are taken out. Raises CheckpointError.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise CheckpointError(
            f"ONNX needs {' and '.join(missing)}, which cannot be found: pip install "
            f"{' '.join(missing)}, or share without ONNX."
        )
    try:
        program = _exported(folder)
    except Exception as error:  # noqa: BLE001 - exporters raise many kinds
        reason = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise CheckpointError(
            f"This checkpoint could not be written as ONNX ({reason}): share it without ONNX."
        ) from error
    _forget_machine(program.model)
    import onnx_ir

    return onnx_ir.serde.serialize_model(program.model).SerializeToString(deterministic=True)


def _exported(folder: Path) -> "torch.onnx.ONNXProgram":
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
    return torch.onnx.export(
        model,
        (),
        kwargs={name: inputs[name]},
        dynamo=True,
        dynamic_shapes={name: axes},
        input_names=[name],
        output_names=[OUTPUT],
        verbose=False,
    )


def _forget_machine(model: "onnx_ir.Model") -> None:
    """Empty the notes on the graph and all its nodes: stack traces, with the exporter's paths."""
    parts = [model, model.graph, *model.functions.values()]
    for part in (*parts, *model.graph.all_nodes()):
        part.metadata_props.clear()
        part.doc_string = None
    for function in model.functions.values():
        for node in function.all_nodes():
            node.metadata_props.clear()
            node.doc_string = None
    for value in model.graph.initializers.values():
        value.metadata_props.clear()
