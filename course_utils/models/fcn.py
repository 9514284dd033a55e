"""Fully convolutional nets for segmentation, FCN-32s, 16s and 8s, on any backbone (FCN, section 4; lectures 04 to 06).

This is the practical form. The authors' own nets stand in `fcn_paper.py`; both add a finer stream's scores with
`SkipFusion`.
"""

from collections.abc import Callable, Collection, Iterable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.models.backbones import Backbone
from course_utils.models.outline import Outlined
from course_utils.models.upsampling import PIXELS, resample

STRIDES = (32, 16, 8)
AT_ONCE_SCALES = {16: 0.01, 8: 0.0001}


def upsample_to(coarse: Tensor, fine: Tensor) -> Tensor:
    """Scores interpolated bilinearly to the height and width of a finer map, whatever those are.

    Shape:
        coarse (N, classes, h, w), fine (N, C, H, W) -> (N, classes, H, W)
    """
    return functional.interpolate(coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False)


class Interpolate(nn.Module):
    """Lay two streams over each other by interpolating the coarse one to the size of the fine one.

    Shape:
        coarse (N, classes, h, w), fine (N, classes, H, W) -> both (N, classes, H, W)
    """

    def forward(self, coarse: Tensor, fine: Tensor) -> tuple[Tensor, Tensor]:
        return upsample_to(coarse, fine), fine


class SkipFusion(nn.Module):
    """Add a finer stream's class scores to the upsampled coarser ones (FCN, section 4.2; lecture 05).

    The new scores start at zero, so a freshly made FCN-16s predicts exactly what its FCN-32s did.

    Args:
        channels: channels of the finer feature map.
        classes: classes to score.
        align: from both streams' scores to the same ones in one place; interpolates when left out.
        scale: the finer map is multiplied by it before it is scored: 1, or the paper's 0.01 and 0.0001 where all
            streams are trained at once.

    Shape:
        coarse (N, classes, h, w), fine (N, channels, H, W) -> (N, classes, H, W)
    """

    def __init__(self, channels: int, classes: int, align: nn.Module | None = None, scale: float = 1.0):
        super().__init__()
        self.score = zero_score(channels, classes)
        self.align = align or Interpolate()
        self.scale = scale

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        coarse, skip = self.align(coarse, self.scored(fine))
        return coarse + skip

    def scored(self, fine: Tensor) -> Tensor:
        """What the finer stream says for itself: (N, channels, H, W) -> (N, classes, H, W)."""
        return self.score(self.scale * fine)


def zero_score(channels: int, classes: int) -> nn.Conv2d:
    """A 1x1 convolution that scores the classes, all zero at first (FCN, section 4.3: random values were no better).

    Shape:
        (N, channels, h, w) -> (N, classes, h, w)
    """
    score = nn.utils.skip_init(nn.Conv2d, channels, classes, kernel_size=1)
    nn.init.zeros_(score.weight)
    nn.init.zeros_(score.bias)
    return score


class FCN(Outlined):
    """FCN-32s, 16s or 8s on any backbone that has maps at strides 8, 16 and 32; takes pictures of any size.

    All three walk the same grids, 32 -> 16 -> 8 -> pixels. The stride says which of them add scores of their own.
    That is why a fresh 16s equals its 32s to the bit: upsampling by 32 in one step is not quite the same as by 2 and
    then by 16.

    Args:
        backbone: gives (N, c8, h, w), (N, c16, h, w), (N, c32, h, w) and says its three `channels`, finest first; and,
            as `coordinates`, where their cells look.
        classes: classes to score, background included.
        stride: 32, 16 or 8, that of the finest stream.
        at_once: scale the finer maps by 0.01 and 0.0001, so that all streams can be trained together from the start
            (the authors' at-once net; section 4.3 trains them one after the other, see `warm_start`).
        aligned: draw each cell's answer where the cell looks, as the authors' crops do. False spreads the cells evenly
            over the picture, as `interpolate` does; so does a backbone without `coordinates`.

    Shape:
        images (N, 3, H, W), normalised as the backbone wants them -> logits (N, classes, H, W)

    Raises:
        ValueError: for another stride, fewer than two classes, or pictures too small for the backbone.
    """

    def __init__(self, backbone: Backbone, classes: int, stride: int = 32, at_once: bool = False, aligned: bool = True):
        super().__init__()
        refuse_unknown(classes, stride)
        self.classes, self.stride = classes, stride
        self.aligned = aligned and hasattr(backbone, "coordinates")
        self.backbone = backbone
        at_8, at_16, at_32 = backbone.channels
        scales = AT_ONCE_SCALES if at_once else {}
        self.score = zero_score(at_32, classes)
        self.skip_16 = SkipFusion(at_16, classes, scale=scales.get(16, 1.0)) if stride <= 16 else None
        self.skip_8 = SkipFusion(at_8, classes, scale=scales.get(8, 1.0)) if stride <= 8 else None

    @property
    def to_scores(self) -> list[nn.Module]:
        """The layers from the picture to the coarsest scores, in order."""
        return [*self.backbone.stages, self.score]

    def forward(self, images: Tensor) -> Tensor:
        return self.combine(*self.maps(images), images)

    def combine(self, at_8: Tensor, at_16: Tensor, at_32: Tensor, images: Tensor) -> Tensor:
        """From the backbone's maps to logits, as large as the images: score, upsample, add, upsample, add, upsample."""
        to_16, to_8, to_pixels = self.upsamplings(at_8, at_16, images)
        scores = to_16(self.score(at_32))
        if self.skip_16:
            scores = scores + self.skip_16.scored(at_16)
        scores = to_8(scores)
        if self.skip_8:
            scores = scores + self.skip_8.scored(at_8)
        return to_pixels(scores)

    def upsamplings(self, at_8: Tensor, at_16: Tensor, images: Tensor) -> list[Callable[[Tensor], Tensor]]:
        """The three ways back, from stride 32 to 16, to 8 and to the pixels; each takes (N, C, h, w)."""
        finer = (at_16, at_8, images)
        if not self.aligned:
            return [partial(upsample_to, fine=map) for map in finer]
        grids = [*reversed(self.backbone.coordinates(images)), PIXELS]
        return [
            partial(resample, here=here, there=there, size=map.shape[-2:])
            for here, there, map in zip(grids[:-1], grids[1:], finer, strict=True)
        ]

    def maps(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The backbone's maps at strides 8, 16 and 32."""
        try:
            return self.backbone(images)
        except RuntimeError as error:
            if "Output size is too small" in str(error) or "Kernel size can't be greater" in str(error):
                size = "x".join(map(str, images.shape[-2:]))
                raise ValueError(f"pictures of {size} are too small for this backbone: {error}") from None
            raise

    def streams(self, images: Tensor) -> dict[int, Tensor]:
        """What each stream adds to the logits; everything after the scores is linear, so they sum up to them.

        Shape:
            images (N, 3, H, W) -> {32: (N, classes, H, W), 16: ..., 8: ...}, those that this net has
        """
        at_8, at_16, at_32 = self.maps(images)
        to_16, to_8, to_pixels = self.upsamplings(at_8, at_16, images)
        shares = {32: to_8(to_16(self.score(at_32)))}
        if self.skip_16:
            shares[16] = to_8(self.skip_16.scored(at_16))
        if self.skip_8:
            shares[8] = self.skip_8.scored(at_8)
        return {stride: to_pixels(share) for stride, share in shares.items()}

    def without(self, images: Tensor, strides: Collection[int]) -> Tensor:
        """The logits with some streams taken away again, all else left as it is (lecture 05).

        Shape:
            images (N, 3, H, W) -> (N, classes, H, W)
        """
        kept = [share for stride, share in self.streams(images).items() if stride not in strides]
        return torch.stack(kept).sum(dim=0) if kept else images.new_zeros(len(images), self.classes, *images.shape[-2:])


class Heads(Outlined):
    """Several answers from one body: an FCN whose scores are shared out among heads (FCN, section 5; lecture 06).

    A score is a 1x1 convolution, and its output channels know nothing of each other. So 33 semantic and 3 geometric
    classes are one layer of 36 of which each head reads its part; the losses, with a softmax for each, keep them apart.
    (In the paper form the upsampling between strides is learned and may come to mix them; it starts without.)

    Args:
        net: an FCN of any form, with as many classes as all heads together.
        classes: how many each head tells apart, by its name: {"semantic": 33, "geometric": 3}.

    Shape:
        images as the net takes them -> {name: logits (N, classes[name], H, W)}

    Raises:
        ValueError: where the heads do not share out the net's classes.
    """

    def __init__(self, net: nn.Module, classes: dict[str, int]):
        super().__init__()
        if sum(classes.values()) != net.classes or not all(count >= 2 for count in classes.values()):
            raise ValueError(f"heads of {classes} classes, 2 or more each, do not share out a net of {net.classes}")
        self.net, self.heads = net, dict(classes)
        self.classes, self.stride = net.classes, net.stride

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return dict(zip(self.heads, self.net(images).split(list(self.heads.values()), dim=1), strict=True))

    def alone(self, name: str) -> "Head":
        """The net with one of its heads, as `evaluate` takes it."""
        return Head(self, name)


class Head(nn.Module):
    """One head of several: images -> logits (N, classes, H, W)."""

    def __init__(self, heads: Heads, name: str):
        super().__init__()
        self.heads, self.name = heads, name
        self.train(heads.training)

    def forward(self, images: Tensor) -> Tensor:
        return self.heads(images)[self.name]


def refuse_unknown(classes: int, stride: int) -> None:
    """Refuse a net that there is not."""
    if stride not in STRIDES:
        raise ValueError(f"stride {stride}: an FCN's finest stream has stride 32, 16 or 8")
    if classes < 2:
        raise ValueError(f"classes={classes}: a net tells at least two classes apart, background included")


def warm_start(net: nn.Module, coarser: nn.Module) -> nn.Module:
    """Start a finer net where a coarser one ended: its weights are copied, the new scores stay zero (FCN, section 4.2).

    Args:
        net: a fresh FCN-16s or 8s; changed in place, and given back.
        coarser: the trained net with the next coarser stride (or 32s for an 8s), of the same form and backbone, and
            fused or with heads like the finer one.

    Raises:
        ValueError: where the two are not of one family; names what does not fit.
    """
    if coarser.stride <= net.stride:
        raise ValueError(f"an FCN-{net.stride}s starts from a coarser net, not from an FCN-{coarser.stride}s")
    wanted, given = trained_part(net), trained_part(coarser)
    surplus = sorted(set(given) - set(wanted))
    missing = sorted(name for name in set(wanted) - set(given) if not belongs_to_skip(name))
    other = [name for name in given if name in wanted and given[name].shape != wanted[name].shape]
    if surplus or missing or other:
        name = (surplus or missing or other)[0]
        shapes = [str(tuple(part[name].shape)) if name in part else "absent" for part in (given, wanted)]
        raise ValueError(f"{name} is {shapes[0]} in the coarser net and {shapes[1]} in the finer: two different nets")
    net.load_state_dict(given, strict=False)
    return net


def trained_part(net: nn.Module) -> dict[str, Tensor]:
    """A net's weights without those of its last upsampling, which is fixed and differs from stride to stride."""

    def last_upsampling(name: str) -> bool:
        return "upsample" in name.split(".") and not belongs_to_skip(name)

    return {name: value for name, value in net.state_dict().items() if not last_upsampling(name)}


def belongs_to_skip(name: str) -> bool:
    """Whether a weight belongs to a skip, which the coarser net lacks; in one of two fused nets as well."""
    return not {"skip_16", "skip_8"}.isdisjoint(name.split("."))


def parameters_in(net: nn.Module | Iterable[nn.Module], deconvolutions: bool = False) -> int:
    """How many parameters a net has; those of its deconvolutions count only where asked for (FCN, Table 1).

    134,346,581 for FCN-VGG16 with 21 classes.
    """
    modules = net.modules() if isinstance(net, nn.Module) else (part for each in net for part in each.modules())
    counted = {
        id(parameter): parameter.numel()
        for module in modules
        if deconvolutions or not isinstance(module, nn.ConvTranspose2d)
        for parameter in module.parameters(recurse=False)
    }
    return sum(counted.values())
