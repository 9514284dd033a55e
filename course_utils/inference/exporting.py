"""A trained net as a graph that runs without this course: ONNX or TorchScript (lecture 10).

What comes before the net and after it goes inside: pictures of bytes and of any size in, classes out. Layers whose
padding follows the picture's size, and the cells' coordinates, are computed in the graph from the size that it is given.
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

KINDS = {"onnx": "net.onnx", "torchscript": "net.torchscript.pt"}


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
        if not isinstance(net, FCN) or not net.aligned or net.backbone.name == "googlenet":
            raise ValueError("only a practical FCN on efficientnet_lite0, vgg16 or alexnet can be exported so far")
        self.net, self.hundredths = net, round(100 * enlarge)

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
            scores = _matrix(rows, place, finer.shape[-2], scores.shape[-2]) @ (
                scores @ _matrix(columns, place, finer.shape[-1], scores.shape[-1]).T
            )
            scores = scores if skip is None else scores + skip.scored(finer)
        if self.hundredths != 100:
            scores = functional.interpolate(scores, (height, width), mode="bilinear", align_corners=False)
        return scores.argmax(dim=1), scores

    def along(self, size) -> list[tuple[int, Tensor | int]]:
        """Stride and twice the shift of the backbone's three maps along an axis, as `Backbone.along` gives them.

        In whole numbers and with four operations alone, so that a graph can do it for a size that it learns later.
        """
        scale, shift, found = 1, 0, []
        for stage in self.net.backbone.stages:
            for layer in ordered(stage):
                if isinstance(layer, WINDOWED):
                    kernel, stride, dilation = (square(layer, name) for name in ("kernel_size", "stride", "dilation"))
                    extent = dilation * (kernel - 1) + 1
                    if "Same" in type(layer).__name__:
                        cells = (size + stride - 1) // stride
                        before = ((cells - 1) * stride + extent - size) // 2
                    else:
                        before = square(layer, "padding")
                        cells = (size + 2 * before - extent) // stride + 1
                    shift = shift + scale * (extent - 1 - 2 * before)
                    scale, size = scale * stride, cells
            found.append((scale, shift))
        return found


def _matrix(grids: list[tuple[int, Tensor | int]], place: int, count, cells) -> Tensor:
    """`upsampling.interpolation_matrix` from the map behind a place in the list to the one there; -1 is the picture."""
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
        rows, columns = (_mirrored(side, stride) for side in (height, width))
        scores = self.net(grey[:, :, rows][..., columns])[..., :height, :width]
        return scores.argmax(dim=1), scores


def _mirrored(side, stride: int) -> Tensor:
    """Places along an axis up to the next multiple of a stride; past the last pixel it is mirrored."""
    places = torch.arange((side + stride - 1) // stride * stride)
    last = torch.arange(side).max()
    return torch.minimum(places, 2 * last - places)


def _at(ranked: Tensor, place: Tensor) -> Tensor:
    """A value between two of a sorted list, as NumPy's percentile takes it."""
    below = place.floor()
    first, second = ranked[below.long()], ranked[place.ceil().long()]
    return first + (place - below).float() * (second - first)


def export(net: nn.Module, kind: str, path: Path) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Write a graph, and open it again as others will.

    Both kinds are traced: what is computed from a picture's size becomes part of the graph. torch's newer exporter
    follows sizes as symbols, and comes to no end with the paddings of EfficientNet-Lite0.

    Args:
        net: as the classes above.
        kind: one of `KINDS`.
        path: the file.

    Returns:
        from images (1, 3, H, W) uint8 to classes and scores

    Raises:
        ValueError: for another kind, or where a package is missing; says which.
    """
    if kind == "pt2":
        raise ValueError(
            "--to pt2: torch.export comes to no end with paddings that follow a picture's size, and a graph for one size "
            "alone would refuse the next picture. Take --to torchscript, which torch opens, or --to onnx"
        )
    if kind not in KINDS:
        raise ValueError(f"--to {kind}: choose from {', '.join(KINDS)}")
    example = (torch.zeros(1, 3, 96, 128, dtype=torch.uint8),)
    path.parent.mkdir(parents=True, exist_ok=True)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, yet what QuPath and deepImageJ load
        if kind == "torchscript":
            torch.jit.save(torch.jit.trace(net, example, check_trace=False), path)
            opened = torch.jit.load(path)
            return lambda images: tuple(each.detach().numpy() for each in opened(torch.from_numpy(images)))
        try:
            import onnx  # noqa: F401  torch needs it
            import onnxruntime
        except ImportError as error:
            raise ValueError(f"{error.name} is missing: pip install 'segmentation-course[export]'") from None
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
