"""The four ImageNet classifiers of the course, and their feature maps at strides 8, 16 and 32 (lectures 02 to 06).

AlexNet, VGG16 and GoogLeNet are those that the FCN paper turns into segmentation nets (section 4.1, Table 1).
EfficientNet-Lite0 is the one whose trained weights install from a package, so it knows ImageNet with no network.
"""

import torch
from torch import Tensor, nn

from course_utils.models.coordinates import CoordinateMap, steps
from course_utils.models.imagenet import MEAN, STD, fill_at_random, imagenet_weights, load_lite0
from course_utils.models.outline import Outlined
from course_utils.models.upsampling import Grid

CLASSIFIERS = ("alexnet", "vgg16", "googlenet", "efficientnet_lite0")
NATIVE_SIZE = 224
STRIDES = (8, 16, 32)


def classifier(name: str, seed: int = 0, download: bool = True) -> nn.Module:
    """An ImageNet classifier in eval mode: (N, 3, 224, 224) -> (N, 1000) logits.

    EfficientNet-Lite0 always has its trained weights. The other three get torchvision's where they lie in torch's
    cache, or can be downloaded; otherwise they get random ones, and a line is printed that says so. Random weights
    serve wherever a lecture asks how a net computes; what it has learned, only trained ones can show.

    Args:
        name: one of `CLASSIFIERS`.
        seed: seeds the random weights; the global random state is left as it was.
        download: whether weights that are not in torch's cache may be fetched (VGG16: 528 MB).

    Raises:
        ValueError: for an unknown name, or for a weights file that is damaged.
    """
    net = untrained(name)
    if name == "efficientnet_lite0":
        load_lite0(net)
        return net.eval()
    weights = imagenet_weights(name, download)
    if weights is None:
        fill_at_random(net, seed)
        print(f"{name}: random weights from seed {seed} (no ImageNet weights in torch's cache)")
    else:
        net.load_state_dict({key: value for key, value in weights.items() if not key.startswith("aux")}, assign=True)
    return net.eval()


def untrained(name: str) -> nn.Module:
    """The architecture alone, with memory for its weights but nothing in it yet.

    Raises:
        ValueError: for an unknown name.
    """
    if name not in CLASSIFIERS:
        raise ValueError(f"there is no classifier {name!r}: choose one of {', '.join(CLASSIFIERS)}")
    # on the meta device nothing is computed: torchvision's own initialisation of VGG16 takes seconds
    with torch.device("meta"):
        if name == "efficientnet_lite0":
            import timm

            net = timm.create_model("tf_efficientnet_lite0")
        else:
            import torchvision.models

            options = {}
            if name == "googlenet":  # with its input transform, trained or not: the same layers under the same names
                options = {"aux_logits": False, "init_weights": False, "transform_input": True}
            net = getattr(torchvision.models, name)(**options)
    return net.to_empty(device="cpu")


class Backbone(Outlined):
    """A classifier without its head, cut where its maps reach strides 8, 16 and 32 (FCN, section 4.2; lectures 04 to 06).

    | name | stride 8 | stride 16 | stride 32 |
    |---|---|---|---|
    | alexnet | 192, conv2 | 256, conv5 | 256, pool5 |
    | vgg16 | 256, pool3 | 512, pool4 | 512, pool5 |
    | googlenet | 480, inception 3b | 832, inception 4e | 1024, inception 5b |
    | efficientnet_lite0 | 40, block 4 | 112, block 10 | 1280, head |

    VGG16's are the paper's pool3 and pool4. Its fc6 and fc7, 120 of its 138 million parameters, belong to the paper
    form of the net, where the classifier is turned whole; here the coarsest map is pool5.

    Args:
        net: a classifier as `classifier` makes it; its layers are used, not copied.
        name: one of `CLASSIFIERS`.

    Attributes:
        channels: channels of the three maps, finest first.
        strides: (8, 16, 32).

    Shape:
        (N, 3, H, W) -> (N, c8, h8, w8), (N, c16, h16, w16), (N, c32, h32, w32), each about H / stride
    """

    strides = STRIDES

    def __init__(self, net: nn.Module, name: str):
        super().__init__()
        self.name = name
        self.channels, stages = cut(net, name)
        self.stages = nn.ModuleList(nn.Sequential(*layers) for layers in stages)
        self._walked: dict[int, list[CoordinateMap]] = {}

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        at_8 = self.stages[0](images)
        at_16 = self.stages[1](at_8)
        at_32 = self.stages[2](at_16)
        return at_8, at_16, at_32

    def coordinates(self, images: Tensor) -> list[Grid]:
        """Where the cells of the three maps look, in pixels of these images; for rows and for columns (lecture 03).

        It depends on the size where the padding does, as in EfficientNet-Lite0.

        Shape:
            images (N, 3, H, W) -> for strides 8, 16 and 32, two coordinate maps each
        """
        return list(zip(*(self.along(length) for length in images.shape[-2:]), strict=True))

    def along(self, length: int) -> list[CoordinateMap]:
        """Where the cells of the three maps look along an axis of so many pixels."""
        if length not in self._walked:
            here, size, found = CoordinateMap(), length, []
            for stage in self.stages:
                last = steps(stage, size)[-1]
                here, size = here.then(last.geometry.coordinates), last.size
                found.append(here)
            self._walked[length] = found
        return self._walked[length]


def backbone(name: str, seed: int = 0, download: bool = True) -> Backbone:
    """The feature maps of a classifier with ImageNet weights: see `classifier` and `Backbone`."""
    return Backbone(classifier(name, seed, download), name)


def cut(net: nn.Module, name: str) -> tuple[tuple[int, int, int], tuple[list, list, list]]:
    """The channels of a classifier's three taps, and the layers that lead to each from the one before."""
    if name == "alexnet":
        layers = list(net.features)
        return (192, 256, 256), (layers[:5], layers[5:12], layers[12:])
    if name == "vgg16":
        layers = list(net.features)
        return (256, 512, 512), (layers[:17], layers[17:24], layers[24:])
    if name == "googlenet":
        layers = [module for part, module in net.named_children() if part not in ("avgpool", "dropout", "fc")]
        layers.insert(0, InputTransform())
        third, fourth = layers.index(net.inception3b) + 1, layers.index(net.inception4e) + 1
        return (480, 832, 1024), (layers[:third], layers[third:fourth], layers[fourth:])
    blocks = list(net.blocks)
    return (40, 112, 1280), (
        [net.conv_stem, net.bn1, *blocks[:3]],
        blocks[3:5],
        [*blocks[5:], net.conv_head, net.bn2],
    )


def first_convolution(net: nn.Module) -> nn.Conv2d:
    """The convolution that looks at the picture itself."""
    return next(layer for layer in net.modules() if isinstance(layer, nn.Conv2d))


class InputTransform(nn.Module):
    """From torchvision's normalisation to the one that GoogLeNet's weights were trained with, (x / 255 - 0.5) / 0.5.

    torchvision does this in GoogLeNet's `forward` where its ImageNet weights are loaded; a net that is taken apart
    into its layers needs it as a layer. Channels behind the colours, as for early fusion, pass as they are.

    Shape:
        (N, 3 or more, H, W) -> the same
    """

    def forward(self, images: Tensor) -> Tensor:
        mean, std = (images.new_tensor(values).view(3, 1, 1) for values in (MEAN, STD))
        colours = (images[:, :3] * std + mean - 0.5) / 0.5
        return torch.cat([colours, images[:, 3:]], dim=1) if images.shape[1] > 3 else colours
