"""Lecture 07's exercises know their mistakes."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.transforms import functional as vision

from course_utils.data.transforms import mirror_pad
from course_utils.exercises.engine import NotYet, check
from tests.exercises.solutions import solutions


def double_with(between=torch.relu, after=torch.relu, kernel=3, count=2, wider=False, more=None, **options):
    """A wrong DoubleConvolution, by its parts."""

    class DoubleConvolution(nn.Module):
        def __init__(self, channels, width):
            super().__init__()
            middle = channels if wider else width
            self.first = nn.Conv2d(channels, middle if count == 2 else width, kernel, **options)
            self.second = nn.Conv2d(middle, width, kernel, **options) if count == 2 else nn.Identity()
            self.more = more(width) if more else nn.Identity()

        def forward(self, maps):
            return self.more(after(self.second(between(self.first(maps)))))

    return DoubleConvolution


class Hidden(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        self.layers = [nn.Conv2d(channels, width, 3), nn.Conv2d(width, width, 3)]

    def forward(self, maps):
        return self.layers[1](self.layers[0](maps).relu()).relu()


class WithoutReturn(double_with()):
    def forward(self, maps):
        super().forward(maps)


def as_is(maps):
    return maps


def cut(start):
    """A wrong crop that begins elsewhere."""

    def crop(skip, height, width):
        top, left = start(skip.shape[-2] - height), start(skip.shape[-1] - width)
        return skip[..., top : top + height, left : left + width]

    return crop


def half(more):
    return more // 2


def by_negative_ends(skip, height, width):
    top, left = (skip.shape[-2] - height) // 2, (skip.shape[-1] - width) // 2
    return skip[..., top:-top, left:-left]


def middle(skip, height, width):
    return vision.center_crop(skip, [height, width])


def up_with(join=None, upsample=None, cropped=middle, channels=2, convolve=None, kernel=2):
    """A wrong UpStep, by its parts."""

    class UpStep(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.up = (
                upsample(width) if upsample else nn.ConvTranspose2d(2 * width, width, kernel, 2, (kernel - 2) // 2)
            )
            self.convolve = (convolve or double_with())(channels * width, width)

        def forward(self, maps, skip):
            maps = self.up(maps)
            return self.convolve((join or side_by_side)(cropped(skip, *maps.shape[-2:]), maps))

    return UpStep


def side_by_side(skip, maps):
    return torch.cat([skip, maps], dim=1)


def unet_with(
    keep_pooled=False, order=list.pop, bottom=True, after=as_is, dropout=0.5, hidden=False, double=None, late=0
):
    """A wrong MyUNet, by its parts."""
    double = double or double_with()

    class MyUNet(nn.Module):
        def __init__(self, channels=1, classes=2, width=64, depth=4):
            super().__init__()
            widths = [width * 2**level for level in range(depth)]
            down = [double(before, after) for before, after in zip([channels, *widths], widths, strict=False)]
            self.down = down if hidden else nn.ModuleList(down)
            self.bottom = double(widths[-1], 2 * widths[-1]) if bottom else nn.Conv2d(widths[-1], 2 * widths[-1], 1)
            self.up = nn.ModuleList(up_with(convolve=double, cropped=cut(half))(each) for each in reversed(widths))
            self.dropout = nn.Dropout(dropout)
            self.score = nn.Conv2d(width, classes, 1)

        def forward(self, images):
            maps, skips = images, []
            for convolve in self.down:
                maps = convolve(maps)
                pooled = functional.max_pool2d(maps, 2) if not late else functional.avg_pool2d(maps, 2)
                skips.append(pooled if keep_pooled else maps)
                maps = pooled
            maps = self.dropout(self.bottom(maps))
            for step in self.up:
                maps = step(maps, order(skips))
            return after(self.score(maps))

    return MyUNet


def first_skip(skips):
    return skips.pop(0)


def without_score(channels=1, classes=2, width=64, depth=4):
    net = unet_with()(channels, classes, width, depth)
    score, net.score = net.score, nn.Identity()
    net.unused = score
    return net


def always_two_levels(channels=1, classes=2, width=64, depth=4):
    return unet_with()(channels, classes, width, 2)


def tiles_with(pad=mirror_pad, surplus=True, shift=0, swap=False, batch=False, grad=False, whole=False):
    """A wrong by_tiles, by its parts."""

    def by_tiles(net, image, step, border):
        height, width = image.shape[-2:]
        below, right = -height % step, -width % step
        padded = pad(image, border, border + below, border, border + right)
        logits = torch.zeros(net.classes, height + below, width + right)
        with torch.set_grad_enabled(grad):
            if whole:
                return net(padded[None])[0, :, :height, :width]
            ends = (height, width) if surplus else (height - step + 1, width - step + 1)
            for top in range(0, ends[0], step):
                for left in range(0, ends[1], step):
                    rows, columns = (slice(start, start + step + 2 * border) for start in (top + shift, left + shift))
                    row, column = (left, top) if swap else (top, left)
                    answer = net(functional.pad(padded, (0, shift, 0, shift))[None, :, rows, columns])[0]
                    place = logits[:, row : row + step, column : column + step]
                    place[:] = answer[:, : place.shape[1], : place.shape[2]]
        logits = logits[:, :height, :width]
        return logits[None] if batch else logits

    return by_tiles


def constant(image, top, bottom, left, right):
    return functional.pad(image, (left, right, top, bottom))


def repeated(image, top, bottom, left, right):
    return functional.pad(image, (left, right, top, bottom), "replicate")


def too_large_tile(net, image, step, border):
    return net(torch.zeros(1, 1, step + 2 * border + 1, step + 2 * border + 1))


WRONG = {
    "07.double_convolution": {
        "are padded": double_with(padding=1),
        "no ReLU between": double_with(between=as_is),
        "negative values": double_with(after=as_is),
        "There is no ReLU: two": double_with(between=as_is, after=as_is),
        "has a kernel of 5x5": double_with(kernel=5),
        "has 1 convolution of 3x3": double_with(count=1),
        "convolves from 2 to 2, 2 to 3": double_with(wider=True),
        "has none: leave it out": double_with(more=nn.BatchNorm2d),
        "torch knows of": Hidden,
        "nothing more": double_with(after=torch.sigmoid),
        "does it end with `return`": WithoutReturn,
        "write a class": lambda channels, width: [nn.Conv2d(channels, width, 3)],
    },
    "07.crop": {
        "top left corner": cut(lambda more: 0),
        "bottom right corner": cut(lambda more: more),
        "begins at row 1": cut(lambda more: max(0, more // 2 - 1)),
        "as it was": lambda skip, height, width: skip,
        "made smaller as a whole": lambda skip, height, width: functional.interpolate(skip, size=(height, width)),
        "Nothing is left": lambda skip, height, width: skip[..., 4:-4, 4:-4],
        "slice 0:-0 is empty": by_negative_ends,
        "8x10 cut to a height of 4": lambda skip, height, width: middle(skip, width, height),
        "pictures and channels stay": lambda skip, height, width: middle(skip, height, width)[0],
        "should be 4x4, and yours is 4x8": lambda skip, height, width: middle(skip, height, skip.shape[-1]),
        "Each axis has its own": lambda skip, height, width: skip[..., 2 : 2 + height, 2 : 2 + width],
        "does it end with `return`": lambda skip, height, width: None,
    },
    "07.up_step": {
        "wrong way round": up_with(lambda skip, maps: torch.cat([maps, skip], dim=1)),
        "were skip and map added": up_with(torch.add, channels=1),
        "top left corner": up_with(cropped=cut(lambda more: 0)),
        "crop it": up_with(cropped=lambda skip, *size: skip),
        "There is a ReLU after your up": up_with(
            upsample=lambda width: nn.Sequential(nn.ConvTranspose2d(2 * width, width, 2, 2), nn.ReLU())
        ),
        "has no nn.ConvTranspose2d": up_with(
            upsample=lambda width: nn.Upsample(scale_factor=2), join=lambda skip, maps: maps, channels=2
        ),
        "kernel 4 and stride 2": up_with(kernel=4),
        "from 6 to 6 channels": up_with(
            upsample=lambda width: nn.ConvTranspose2d(2 * width, 2 * width, 2, 2), channels=3
        ),
        "skip is not used": up_with(lambda skip, maps: torch.cat([maps, maps], dim=1)),
        "upsampled map is not used": up_with(lambda skip, maps: torch.cat([skip, skip], dim=1)),
        r"leave \(1, 3, 4, 6\)": up_with(convolve=double_with(padding=1)),
        "The order: up": up_with(lambda skip, maps: torch.cat([skip, -maps], dim=1)),
    },
    "07.assemble": {
        "reverse order": unet_with(order=first_skip),
        "map .before. pooling": unet_with(keep_pooled=True),
        "use nn.ModuleList": unet_with(hidden=True),
        "there is a softmax": unet_with(after=lambda scores: scores.softmax(dim=1)),
        "is there a ReLU after the last": unet_with(after=torch.relu),
        "left to chance": unet_with(dropout=0.0),
        "count the levels": unet_with(bottom=False),
        "4 channels for 3 classes": without_score,
        "or no bias": unet_with(double=double_with(bias=False)),
        "12x16": unet_with(double=double_with(padding=1)),
        "Is the pooling a maximum": unet_with(late=1),
        r"width=2, depth=3\)` has": always_two_levels,
        "write a class": lambda *_: None,
    },
    "07.by_tiles": {
        "black frame": tiles_with(pad=constant),
        "outermost pixel": tiles_with(pad=repeated),
        "do not fill": tiles_with(surplus=False),
        "rows and columns exchanged": tiles_with(swap=True),
        "batch of one": tiles_with(batch=True),
        "The net got a picture": tiles_with(whole=True),
        "carry gradients": tiles_with(grad=True),
        "The first tile is wrong already": tiles_with(shift=2),
        "does not fit the net": too_large_tile,
        "does it end with `return`": lambda net, image, step, border: None,
        "never asked": lambda net, image, step, border: torch.zeros(2, *image.shape[-2:]),
    },
}
CASES = [(name, message) for name, wrong in WRONG.items() for message in wrong]


@pytest.mark.parametrize(("name", "message"), CASES)
def test_each_mistake_is_named(name, message):
    with pytest.raises(NotYet, match=message):
        check(name, WRONG[name][message])


class InASequence(nn.Sequential):
    def __init__(self, channels, width):
        super().__init__(nn.Conv2d(channels, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3), nn.ReLU())


def row_by_row(net, image, step, border):
    """Tiles from one large index, a row of tiles as one batch."""
    height, width = image.shape[-2:]
    padded = mirror_pad(image, border, border + step, border, border + step)
    rows = []
    with torch.no_grad():
        for top in range(0, height, step):
            side = step + 2 * border
            tiles = [padded[:, top : top + side, left : left + side] for left in range(0, width, step)]
            rows.append(torch.cat(list(net(torch.stack(tiles))), dim=-1))
    return torch.cat(rows, dim=-2)[:, :height, :width]


ALSO_RIGHT = {
    "07.double_convolution": InASequence,
    "07.crop": middle,
    "07.up_step": up_with(convolve=InASequence),
    "07.assemble": unet_with(double=InASequence),
    "07.by_tiles": row_by_row,
}


@pytest.mark.parametrize("name", ALSO_RIGHT)
def test_another_right_way_passes(name):
    check(name, ALSO_RIGHT[name])


def test_the_students_net_is_the_papers():
    net = solutions("07")["MyUNet"]()
    assert sum(parameter.numel() for parameter in net.parameters()) == 31_030_658
