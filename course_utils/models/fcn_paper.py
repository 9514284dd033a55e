"""The FCN authors' own nets: AlexNet, VGG16 or GoogLeNet, padded by 100 pixels and cropped again (FCN, section 4;
lectures 03 to 06).

How much to crop is not written down anywhere here. It follows from the layers' coordinate maps.
"""

from fractions import Fraction

from torch import Tensor, nn

from course_utils.models.backbones import classifier, cut, first_convolution, untrained
from course_utils.models.coordinates import CoordinateMap, crop_offset, geometry
from course_utils.models.fcn import AT_ONCE_SCALES, SkipFusion, refuse_unknown, zero_score
from course_utils.models.outline import Outlined
from course_utils.models.upsampling import bilinear_deconvolution
from course_utils.models.variants import with_ceil_pooling

PADDING = 100
PAPER_NETS = ("alexnet", "vgg16", "googlenet")
KERNELS = {"vgg16": 7, "alexnet": 6}  # of fc6; GoogLeNet's head is one linear layer, which the scores replace


class PaperFCN(Outlined):
    """The authors' FCN-32s, 16s or 8s (FCN, section 4; their released nets).

    The first convolution pads by 100 pixels, so that pictures of any size leave fc6 something to look at. All
    poolings round up, as Caffe's do. fc6 and fc7 are the classifier's linear layers as convolutions. The scores are
    upsampled by transposed convolutions: the last one fixed to bilinear, the inner ones starting there and learned.

    Upsampling by 2 and then by 16 smooths a little more than by 32 in one step. So a fresh 16s has its 32s's scores
    to the bit where the streams meet, and almost its predictions; in the practical form (`FCN`) they are equal.

    FCN-GoogLeNet was never released. Here it is torchvision's GoogLeNet, whose trained weights can be had, without the
    average pooling before the last layer. torchvision's differs from the published net: 3x3 kernels where that has 5x5,
    2x2 for 3x3 in the fourth pooling, batch norms. So it sees 379 pixels; with the published layers it would be 715,
    and Table 1's 907 comes out only where the 7x7 average is counted too, which belongs to the classifier. The
    table's parameters, 57M, 134M and 6M, are those with 21 classes in place of ImageNet's 1,000.

    Args:
        name: "alexnet", "vgg16" or "googlenet".
        classes: classes to score, background included.
        stride: 32, 16 or 8; the authors published AlexNet as 32s only, and GoogLeNet's maps fit together in no other.
        at_once: scale pool4 by 0.01 and pool3 by 0.0001, so that all streams can be trained together.
        trained: start from ImageNet weights where they can be had (see `classifier`); False leaves the weights
            unset, for counting and drawing, or to be filled by `load_state_dict`.
        seed, download: as for `classifier`.

    Attributes:
        crops: cells to cut off before the first one: {"image": 19} for FCN-32s on VGG16, with 16 and 8 for the skips.

    Shape:
        images (N, 3, H, W), normalised -> logits (N, classes, H, W)

    Raises:
        ValueError: for another classifier or stride, or where no crop lays the maps over each other.
    """

    def __init__(
        self,
        name: str,
        classes: int,
        stride: int = 32,
        at_once: bool = False,
        trained: bool = True,
        seed: int = 0,
        download: bool = True,
    ):
        super().__init__()
        if name not in PAPER_NETS:
            known = ", ".join(PAPER_NETS)
            raise ValueError(f"the paper form is made of {known}, not of {name!r}: FCN takes any backbone")
        refuse_unknown(classes, stride)
        self.classes, self.stride = classes, stride
        net = classifier(name, seed, download) if trained else untrained(name)
        (at_8, at_16, _), stages = cut(with_ceil_pooling(net), name)
        self.to_8, self.to_16, self.to_32 = (nn.Sequential(*stage) for stage in stages)
        first_convolution(self.to_8).padding = (PADDING, PADDING)
        self.head, features = fully_connected_as_convolutions(net, name)
        self.score = zero_score(features, classes)

        walked = [self.to_8, self.to_16, self.to_32, self.head]
        here, self.crops = geometry(walked).coordinates, {}
        scales = AT_ONCE_SCALES if at_once else {}
        self.skip_16 = self.skip_8 = None
        if stride <= 16:
            align, here = self.meet(here, geometry(walked[:2]).coordinates, 16)
            self.skip_16 = SkipFusion(at_16, classes, align, scales.get(16, 1.0))
        if stride <= 8:
            align, here = self.meet(here, geometry(walked[:1]).coordinates, 8)
            self.skip_8 = SkipFusion(at_8, classes, align, scales.get(8, 1.0))
        # fixed, so that nothing ever mixes the classes: the depthwise form gives the same numbers several times faster
        self.upsample, pixels = upsampling(classes, here, CoordinateMap(), depthwise=True)
        self.upsample.requires_grad_(False)
        self.crops["image"] = crop_offset(pixels)

    def meet(self, coarse: CoordinateMap, fine: CoordinateMap, stride: int) -> tuple[nn.Module, CoordinateMap]:
        """How the coarse scores meet the finer ones, and where they lie then."""
        layer, here = upsampling(self.classes, coarse, fine)
        self.crops[stride] = crop_offset(fine, here)
        if self.crops[stride] < 0:
            raise ValueError(
                f"stride {stride}: the coarser scores reach {-self.crops[stride]} cells past this map on each side, and "
                "cropping it cannot help (GoogLeNet has no fc6 to take up the padding): FCN interpolates"
            )
        return DeconvolveAndCrop(layer, self.crops[stride]), here

    @property
    def to_scores(self) -> list[nn.Module]:
        """The layers from the picture to the coarsest scores, in order."""
        return [self.to_8, self.to_16, self.to_32, self.head, self.score]

    def forward(self, images: Tensor) -> Tensor:
        pool3 = self.to_8(images)
        pool4 = self.to_16(pool3)
        fc7 = self.head(self.to_32(pool4))
        scores = self.score(fc7)
        if self.skip_16:
            scores = self.skip_16(scores, pool4)
        if self.skip_8:
            scores = self.skip_8(scores, pool3)
        return crop(self.upsample(scores), self.crops["image"], images)


class DeconvolveAndCrop(nn.Module):
    """Lay two streams over each other as the authors do: upsample the coarse one, and cut the fine one to it.

    Shape:
        coarse (N, classes, h, w), fine (N, classes, H, W) -> both (N, classes, about 2 h, about 2 w)
    """

    def __init__(self, upsample: nn.ConvTranspose2d, offset: int):
        super().__init__()
        self.upsample, self.offset = upsample, offset

    def forward(self, coarse: Tensor, fine: Tensor) -> tuple[Tensor, Tensor]:
        coarse = self.upsample(coarse)
        return coarse, crop(fine, self.offset, coarse)


def crop(maps: Tensor, offset: int, like: Tensor) -> Tensor:
    """The part of a map that begins `offset` cells in, as high and wide as another map.

    Shape:
        maps (N, C, H, W), like (N, D, h, w) -> (N, C, h, w)

    Raises:
        ValueError: where that part reaches beyond the map.
    """
    height, width = like.shape[-2:]
    if offset + height > maps.shape[-2] or offset + width > maps.shape[-1]:
        found = f"{tuple(maps.shape[-2:])} from {offset} on to {height}x{width}"
        raise ValueError(f"a map of {found} cannot be cropped: the picture is too small or its padding too narrow")
    return maps[..., offset : offset + height, offset : offset + width]


def upsampling(
    classes: int, coarse: CoordinateMap, fine: CoordinateMap, depthwise: bool = False
) -> tuple[nn.ConvTranspose2d, CoordinateMap]:
    """The bilinear deconvolution between two maps, and where its output lies.

    Its kernel is the one of the two that interpolate, 2 * stride or 2 * stride - 1, with which the maps end up a whole
    number of cells apart: 64 for VGG16's stride of 32, and 63 for AlexNet's.

    Raises:
        ValueError: where neither does.
    """
    stride = Fraction(coarse.scale, fine.scale)
    for kernel_size in (2 * stride, 2 * stride - 1):
        layer = bilinear_deconvolution(classes, int(kernel_size), int(stride), depthwise)
        here = coarse.then(geometry(layer).coordinates)
        if ((here.shift - fine.shift) / fine.scale).denominator == 1:
            return layer, here
    raise ValueError(
        f"the maps of stride {coarse.scale} and {fine.scale} lie a fraction of a cell apart with either kernel: "
        "no crop aligns them; FCN interpolates, and takes any backbone"
    )


def fully_connected_as_convolutions(net: nn.Module, name: str) -> tuple[nn.Sequential, int]:
    """The classifier's layers between its last map and its last layer, as convolutions, and how many channels they give.

    For AlexNet and VGG16 these are fc6 and fc7, whose weights are shared (FCN, section 3.1); GoogLeNet has a dropout.

    Shape:
        (N, C, h, w) -> (N, features, h - kernel + 1, w - kernel + 1)
    """
    if name == "googlenet":
        return nn.Sequential(net.dropout), net.fc.in_features
    fc6, fc7, last = (layer for layer in net.classifier if isinstance(layer, nn.Linear))
    convolutions = []
    for linear, kernel in ((fc6, KERNELS[name]), (fc7, 1)):
        convolution = nn.Conv2d(linear.in_features // kernel**2, linear.out_features, kernel, device="meta")
        # .view and not .reshape: it fails rather than copy
        convolution.weight = nn.Parameter(linear.weight.detach().view(convolution.weight.shape))
        convolution.bias = linear.bias
        convolutions += [convolution, nn.ReLU(inplace=True), nn.Dropout()]
    return nn.Sequential(*convolutions), last.in_features
