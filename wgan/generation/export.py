"""A generator for others: files that give its images without this package, an example for each, a model card."""

import runpy
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from torch import nn

from wgan.config.schema import GenerateConfig
from wgan.generation.choose import Inputs
from wgan.networks.base import Generator
from wgan.networks.layers import ConditionalBatchNorm2d, Residual
from wgan.reporting.run_record import read_run
from wgan.runs.run_dir import checkpoints_of
from wgan.utils.atomic_io import replacing, write_text
from wgan.utils.console import say

_LOADER = FileSystemLoader(Path(__file__).parent / "templates")
_TEMPLATES = Environment(loader=_LOADER, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def export(config: GenerateConfig, generator: Generator, inputs: Inputs, folder: Path) -> None:
    """Write model.py, each format of `export` with an example, the inputs of some images, and README.md.

    `inputs` are those of images in the folder.
    """

    def render(template: str, path: Path, **values: object) -> None:
        facts = {"latent_vector": generator.latent_vector, "classes": generator.classes}
        write_text(path, _TEMPLATES.get_template(template).render(**facts, **values) + "\n")

    layers = [source(layer) for layer in generator.main]
    render("model.py.j2", folder / "model.py", layers=layers, plain=all(layer.startswith("nn.") for layer in layers))
    model = runpy.run_path(str(folder / "model.py"))["Generator"]().eval()  # what others will run is what is handed on
    model.load_state_dict(generator.state_dict())
    for name, tensor in inputs.items():
        with replacing(folder / f"{name}.npy") as temporary:
            np.save(temporary, tensor.numpy())
    batch = torch.export.Dim("batch")
    twice = tuple(torch.cat([x, x]) for x in inputs.values())  # a batch of one would be a constant of the program
    program = torch.export.export(model, twice, dynamic_shapes=tuple({0: batch} for _ in inputs))
    for form in config.export:
        with replacing(folder / f"generator.{form}") as temporary:
            if form == "safetensors":
                import_module("safetensors.torch").save_file(model.state_dict(), temporary, {"format": "pt"})
            elif form == "pt2":
                torch.export.save(program, temporary)
            else:
                names = ["images"]  # of the only output; in one file
                torch.onnx.export(
                    program, f=temporary, output_names=names, dynamo=True, external_data=False, verbose=False
                )
        render("example.py.j2", folder / f"example_{form}.py", format=form)
    checkpoints = checkpoints_of(config.checkpoint) or checkpoints_of(config.checkpoint.parent)
    run, shape = read_run(checkpoints.parent if checkpoints else config.checkpoint), model(*inputs.values()).shape[1:]
    render("README.md.j2", folder / "README.md", run=run, shape=shape, formats=config.export, weights=config.weights)
    say(f"For others: {folder / 'README.md'}")


def source(layer: nn.Module) -> str:
    """The expression that makes a layer in plain PyTorch, whose modules print their own settings."""
    if isinstance(layer, Residual):
        return f"Residual({source(layer.body)}, {source(layer.shortcut)})"
    if isinstance(layer, nn.Sequential):
        return f"Chain({', '.join(map(source, layer))})"
    if isinstance(layer, ConditionalBatchNorm2d):
        return f"ConditionalBatchNorm2d({layer.num_features}, {len(layer.gain)})"
    if isinstance(layer, nn.BatchNorm2d):
        return f"nn.BatchNorm2d({layer.num_features})"  # what it prints, torch before 2.14 does not take
    plain = next(kind for kind in type(layer).__mro__ if kind.__module__.startswith("torch.nn."))
    return f"nn.{plain.__name__}({layer.extra_repr()})"
