"""A trained net as a graph that runs without this course: ONNX, TorchScript or torch.export's pt2 (lecture 10).

What comes before the net and after it goes inside: pictures of bytes and of any size in, classes out. Layers whose
padding follows the picture's size, and the cells' coordinates, are computed in the graph from the size that it is given:
in tensors, since all three exporters follow those. Python's numbers are where they end: a tracer takes them for constants,
and torch.export carries them as symbols, of which five halvings with a remainder each make formulas without an end.
"""

import copy
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.models.coordinates import WINDOWED, ordered, square
from course_utils.models.fcn import FCN
from course_utils.models.imagenet import normalise
from course_utils.models.unet import UNet

KINDS = {"onnx": "net.onnx", "torchscript": "net.torchscript.pt", "pt2": "net.pt2"}


class ExportableFCN(nn.Module):
    """A practical FCN with what belongs before and behind it.

    Args:
        net: in eval mode, on a backbone whose layers follow each other.
        enlarge: how many times pictures are enlarged first, to two decimals.

    Shape:
        images (N, 3, H, W) uint8 -> classes (N, H, W) int64, scores (N, classes, H, W) float32

    Raises:
        ValueError: for another net.
    """

    def __init__(self, net: nn.Module, enlarge: float = 1.0):
        super().__init__()
        if not isinstance(net, FCN) or net.backbone.name == "googlenet":
            raise ValueError("only a practical FCN on efficientnet_lite0, vgg16 or alexnet can be exported so far")
        self.net, self.hundredths = copy.deepcopy(net), round(100 * enlarge)
        _pad_in_tensors(self.net.backbone)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        height, width = images.shape[-2], images.shape[-1]
        prepared = normalise(images, self.net.backbone.name)
        if self.hundredths != 100:
            size = [(side * self.hundredths + 50) // 100 for side in (height, width)]
            prepared = functional.interpolate(prepared, size, mode="bilinear", align_corners=False)
        at_8, at_16, at_32 = self.net.backbone(prepared)
        rows, columns = (self.along(prepared.shape[axis]) for axis in (-2, -1))
        scores = self.net.score(at_32)
        for finer, skip, place in ((at_16, self.net.skip_16, 1), (at_8, self.net.skip_8, 0), (prepared, None, -1)):
            down, across = (
                _matrix(grids if self.net.aligned else None, place, finer.shape[axis], scores.shape[axis])
                for grids, axis in ((rows, -2), (columns, -1))
            )
            scores = down @ (scores @ across.T)
            scores = scores if skip is None else scores + skip.scored(finer)
        if self.hundredths != 100:
            scores = functional.interpolate(scores, (height, width), mode="bilinear", align_corners=False)
        return scores.argmax(dim=1), scores

    def along(self, size) -> list[tuple[int, Tensor | int]]:
        """Stride and twice the shift of the backbone's three maps along an axis, as `Backbone.along` gives them.

        In whole numbers and with four operations alone, so that a graph can do it for a size that it learns later.
        """
        size, scale, shift, found = _length(size), 1, 0, []
        for stage in self.net.backbone.stages:
            for layer in ordered(stage):
                if isinstance(layer, WINDOWED):
                    kernel, stride, dilation = (square(layer, name) for name in ("kernel_size", "stride", "dilation"))
                    extent = dilation * (kernel - 1) + 1
                    if isinstance(layer, SamePadded):
                        cells = (size + stride - 1) // stride
                        before = ((cells - 1) * stride + extent - size) // 2
                    else:
                        before = square(layer, "padding")
                        cells = (size + 2 * before - extent) // stride + 1
                    shift = shift + scale * (extent - 1 - 2 * before)
                    scale, size = scale * stride, cells
            found.append((scale, shift))
        return found


class SamePadded(nn.Conv2d):
    """timm's Conv2dSame, TensorFlow's padding, in tensors: how much stands before the first pixel follows from the size."""

    def __init__(self, conv: nn.Conv2d):
        nn.Module.__init__(self)
        vars(self).update(vars(conv))

    def forward(self, maps: Tensor) -> Tensor:
        kernel, stride, dilation = (square(self, name) for name in ("kernel_size", "stride", "dilation"))
        extent = dilation * (kernel - 1) + 1
        padded = functional.pad(maps, [extent] * 4)
        for axis in (2, 3):
            size = _length(maps.shape[axis])
            needed = ((size + stride - 1) // stride - 1) * stride + extent
            padded = padded.index_select(axis, torch.arange(needed) + extent - (needed - size).clamp(min=0) // 2)
        return functional.conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


def _pad_in_tensors(module: nn.Module) -> None:
    for name, layer in module.named_children():
        if "Same" in type(layer).__name__:
            setattr(module, name, SamePadded(layer))
        else:
            _pad_in_tensors(layer)


def _length(size) -> Tensor:
    """A size as a tensor that a graph computes."""
    return torch.arange(size).max() + 1


def _matrix(grids: list[tuple[int, Tensor | int]] | None, place: int, count, cells) -> Tensor:
    """`upsampling.interpolation_matrix` from the map behind a place in the list to the one there; -1 is the picture.

    Without grids cells are spread evenly, as `interpolate` does.
    """
    if grids is None:
        places = ((2 * torch.arange(count) + 1) * _length(cells)).float() / (2 * _length(count)) - 0.5
    else:
        coarse, coarse_shift = grids[place + 1]
        fine, fine_shift = grids[place] if place >= 0 else (1, 0)
        places = (torch.arange(count) * (2 * fine) + (fine_shift - coarse_shift)).float() / (2 * coarse)
    last = torch.arange(cells).max()
    places = torch.minimum(places.clamp(min=0), last)
    return (1 - (places[:, None] - torch.arange(cells)).abs()).clamp(min=0)


class ExportableUNet(nn.Module):
    """A padded U-Net of two classes with what belongs before it: contrast stretched, sides mirrored to legal ones.

    Shape:
        images (1, 3, H, W) uint8 -> classes (1, H, W) int64, scores (1, 2, H, W) float32
    """

    def __init__(self, net: UNet):
        super().__init__()
        self.net = copy.deepcopy(net)
        self.net.output_size = lambda side: side  # sides are legal here, and a graph cannot ask

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        height, width = images.shape[-2], images.shape[-1]
        mean = images.float().mean(dim=1, keepdim=True)
        ranked = mean.flatten().sort().values
        last = (torch.ones_like(ranked).sum() - 1).double()
        low, high = (_at(ranked, share * last) for share in (0.01, 0.998))
        grey = (255 * ((mean - low) / (high - low).clamp(min=1)).clamp(0, 1)).round() / 255
        stride = self.net.stride
        more = [(side + stride - 1) // stride * stride - side for side in (height, width)]
        padded = functional.pad(grey, (0, more[1], 0, more[0]), mode="reflect")
        scores = self.net(padded)
        # a slice would be one of two kinds, by whether anything was padded
        for axis, side in ((2, height), (3, width)):
            scores = scores.index_select(axis, torch.arange(side))
        return scores.argmax(dim=1), scores


def _at(ranked: Tensor, place: Tensor) -> Tensor:
    """A value between two of a sorted list, as NumPy's percentile takes it."""
    below = place.floor()
    first, second = ranked[below.long()], ranked[place.ceil().long()]
    return first + (place - below).float() * (second - first)


def export(net: nn.Module, kind: str, path: Path) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Write a graph, and open it again as others will.

    Args:
        net: as the classes above.
        kind: one of `KINDS`.
        path: the file.

    Returns:
        from images (1, 3, H, W) uint8 to classes and scores

    Raises:
        ValueError: for another kind, or where a package is missing; says which.
    """
    if kind not in KINDS:
        raise ValueError(f"--to {kind}: choose from {', '.join(KINDS)}")
    # sides that no stride divides, so that nothing is left out
    example = (torch.zeros(1, 3, 97, 131, dtype=torch.uint8),)
    path.parent.mkdir(parents=True, exist_ok=True)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, yet what QuPath and deepImageJ load
        if kind != "onnx":
            if kind == "torchscript":
                torch.jit.save(torch.jit.trace(net, example, check_trace=False), path)
                opened = torch.jit.load(path)
            else:
                free = {"images": {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}}
                # what it cannot prove of sizes is asked when the graph runs
                late = {"strict": False, "prefer_deferred_runtime_asserts_over_guards": True}
                torch.export.save(torch.export.export(net, example, dynamic_shapes=free, **late), path)
                opened = torch.export.load(path).module()
            return lambda images: tuple(each.detach().numpy() for each in opened(torch.from_numpy(images)))
        try:
            import onnx  # noqa: F401  torch needs it
            import onnxruntime
        except ImportError as error:
            raise ValueError(
                f"{error.name} is missing, as in older environments: pip install onnx onnxruntime"
            ) from None
        sides = {"images": {2: "height", 3: "width"}, "classes": {1: "height", 2: "width"}}
        torch.onnx.export(
            net,
            example,
            path,
            dynamo=False,
            input_names=["images"],
            output_names=["classes", "scores"],
            dynamic_axes=sides | {"scores": sides["images"]},
        )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: tuple(session.run(["classes", "scores"], {"images": images}))


PREDICT = """\
\"\"\"Classes of pictures by net.onnx: python predict.py a.png b.jpg writes a_classes.png and b_classes.png.

Needs onnxruntime, numpy and pillow. {bytes}
\"\"\"

import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

HERE = Path(__file__).parent
CLASSES = (HERE / "classes.txt").read_text(encoding="utf-8").split("\\n")
PALETTE = {palette}


def classes_of(session, path):
    with Image.open(path) as picture:
        picture = ImageOps.exif_transpose(picture).convert("RGB")
    images = np.asarray(picture).transpose(2, 0, 1)[None]
    return session.run(["classes"], {{"images": images}})[0][0].astype(np.uint8)


if __name__ == "__main__":
    session = onnxruntime.InferenceSession(HERE / "net.onnx", providers=["CPUExecutionProvider"])
    for path in map(Path, sys.argv[1:]):
        found = classes_of(session, path)
        saved = Image.fromarray(found)
        saved.putpalette(PALETTE)
        saved.save(path.with_name(f"{{path.stem}}_classes.png"))
        shares = np.bincount(found.ravel(), minlength=len(CLASSES)) / found.size
        print(path, ", ".join(f"{{name}} {{share:.1%}}" for name, share in zip(CLASSES, shares) if share))
"""
