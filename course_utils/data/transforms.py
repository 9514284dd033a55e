"""Augment pictures together with their masks and things (FCN, section 4.3; U-Net, section 3.1; lectures 04, 08, 10)."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.data.masks import VOID

__all__ = ["Augment", "elastic_deformation", "mirror_pad", "random_crop"]


def elastic_deformation(
    image: Tensor, *maps: Tensor, sigma: float = 10.0, grid: int = 3, generator: torch.Generator | None = None
) -> tuple[Tensor, ...]:
    """Bend a picture and whatever belongs to it by the same random field (U-Net, section 3.1; lecture 08).

    Displacements are Gaussian with `sigma` pixels on a coarse grid and bicubic in between; at sigma = 0 nothing
    changes. The picture and floating-point maps are interpolated; maps of whole numbers, of whatever type, are labels and
    looked up.

    Args:
        image: (C, H, W).
        maps: masks, weight maps and the like, (H, W) or (N, H, W) of the same height and width.
        sigma: standard deviation in pixels.
        grid: points along each side of the coarse grid.
        generator: for chance.

    Raises:
        ValueError: where a map has another size than the picture.
    """
    size = tuple(image.shape[-2:])
    for one in maps:
        if tuple(one.shape[-2:]) != size:
            raise ValueError(f"a map is {tuple(one.shape[-2:])}, the picture {size}: they must have the same size")
    field = affine_field(size, size)
    field.numpy()[:] += elastic_displacements(size, sigma, grid, generator).numpy()
    return warp(image, field), *(warp(one, field, mode=mode_of(one)) for one in maps)


@dataclass(frozen=True)
class Augment:
    """Random crop, scale, turn, flip, bend and colour, each drawn anew for every picture.

    All geometry goes into one field, so that the picture is interpolated once and the mask looked up once. What
    lies past the picture's edges is mirrored in the picture and void in the mask.

    Args:
        size: height and width of the result; the picture's own by default.
        scale: from and to, such as (0.8, 1.6).
        degrees: turns by up to so much either way.
        flip: chance of exchanging left and right.
        flip_rows: chance of exchanging up and down: for cells, not for streets.
        sigma: of the elastic deformation in pixels, 0 for none.
        grid: points along each side of its coarse grid.
        jitter: brightness, contrast and saturation each change by up to this share; those of the first three channels,
            where depth comes behind the colours.
        legal: a crop with a smaller share of pixels that count is drawn again, up to ten times.
        outside: the number past the edges of the mask and other maps of class numbers; None mirrors them as well.
        void: the number that does not count.
        generator: for chance; torch's own by default, which differs in each worker of a DataLoader.
    """

    size: tuple[int, int] | None = None
    scale: tuple[float, float] = (1.0, 1.0)
    degrees: float = 0.0
    flip: float = 0.5
    flip_rows: float = 0.0
    sigma: float = 0.0
    grid: int = 3
    jitter: float = 0.0
    legal: float = 0.5
    outside: int | None = VOID
    void: int = VOID
    generator: torch.Generator | None = None

    def __post_init__(self):
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"scale = {self.scale}: from and to, both above 0")
        if not (0 <= self.flip <= 1 and 0 <= self.flip_rows <= 1 and 0 <= self.jitter < 1):
            raise ValueError("flip and flip_rows are chances from 0 to 1, jitter is a share below 1")

    def __call__(self, image: Tensor, mask: Tensor, *maps: Tensor) -> tuple[Tensor, ...]:
        """The picture, its mask and further maps, all moved alike.

        The mask is looked up, whatever numbers hold it: no class is made up. Maps of whole numbers are labels, too.

        Shape:
            image (3, H, W), mask (H, W), maps (H, W) or (N, H, W) -> the same with (h, w)

        Raises:
            ValueError: for anything but tensors of one height and width, or a mask whose type cannot hold `outside`.
        """
        for one in (image, mask, *maps):
            if not isinstance(one, Tensor):
                raise ValueError(
                    f"a {type(one).__name__} came where tensors are moved: torch.from_numpy(...) makes one"
                )
            if one.shape[-2:] != mask.shape:
                found = f"{tuple(one.shape)} beside a mask of {tuple(mask.shape)}"
                raise ValueError(f"{found}: picture, mask (H, W) and maps must have the same height and width")
        field = self._field(mask)
        image = self._recolour(warp(image, field))
        mask = warp(mask, field, outside=self.outside, mode="nearest")
        classes = [mode_of(one) == "nearest" and one.ndim == 2 and one.dtype != torch.bool for one in maps]
        further = (
            warp(one, field, self.outside if of_classes else None, mode_of(one))
            for one, of_classes in zip(maps, classes, strict=True)
        )
        return image, mask, *further

    def target(self, image: Tensor, target: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """A picture and its things, as torchvision's detection models take them; things out of sight are dropped.

        Shape:
            target's masks (N, H, W), labels (N,) -> all of a target, with boxes around what is left of the masks
        """
        field = self._field(torch.zeros(image.shape[-2:], dtype=torch.int64))
        masks = warp(target["masks"].bool(), field, outside=0, mode="nearest")
        seen = masks.flatten(1).any(dim=1)
        masks = masks[seen]
        rows, columns = masks.any(dim=2), masks.any(dim=1)
        boxes = [_ends(columns, 0), _ends(rows, 0), _ends(columns, 1), _ends(rows, 1)]
        kept = {name: target[name][seen] for name in ("labels", "iscrowd") if name in target}
        return self._recolour(warp(image, field)), {
            "boxes": torch.stack(boxes, dim=1).float(),
            "masks": masks.to(torch.uint8),
            "area": masks.sum(dim=(1, 2)).float(),
            **kept,
        }

    def _between(self, low: float, high: float) -> float:
        return low + (high - low) * torch.rand((), generator=self.generator).item()

    def _field(self, mask: Tensor) -> Tensor:
        source = tuple(mask.shape)
        size = self.size or source
        scale = self._between(*self.scale)
        degrees = self._between(-self.degrees, self.degrees) if self.degrees else 0.0
        flip, flip_rows = self._between(0, 1) < self.flip, self._between(0, 1) < self.flip_rows
        centre = self._centre(mask, size, scale)
        field = affine_field(source, size, centre, scale, degrees, flip, flip_rows)
        if self.sigma:
            field.numpy()[:] += elastic_displacements(size, self.sigma, self.grid, self.generator).numpy()
        return field

    def _centre(self, mask: Tensor, size: tuple[int, int], scale: float) -> tuple[float, float]:
        """Where to look: inside of the picture if it is larger than the window, else in its middle."""
        window = [max(1, round(length / scale)) for length in size]
        best, best_share = None, -1.0
        for _ in range(10):
            # Whole-pixel starts: a crop without scaling then copies pixels and blurs nothing.
            starts = [
                int(self._between(0, length - side + 1)) if length > side else (length - side) / 2
                for length, side in zip(mask.shape, window, strict=True)
            ]
            rows, columns = (
                slice(max(0, int(start)), int(start) + side) for start, side in zip(starts, window, strict=True)
            )
            share = (mask[rows, columns][::4, ::4] != self.void).float().mean().item() if self.legal else 1.0
            if share > best_share:
                best, best_share = starts, share
            if share >= self.legal:
                break
        return tuple(start + (side - 1) / 2 for start, side in zip(best, window, strict=True))

    def _recolour(self, image: Tensor) -> Tensor:
        if not self.jitter:
            return image
        low, high = 1 - self.jitter, 1 + self.jitter
        coloured = recolour(image[:3], *(self._between(low, high) for _ in range(3)))
        return torch.cat([coloured, image[3:]]) if len(image) > 3 else coloured


def random_crop(
    image: Tensor,
    mask: Tensor,
    *maps: Tensor,
    size: tuple[int, int],
    legal: float = 0.5,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, ...]:
    """Cut the same window out of all, one where at least the share `legal` of the mask's pixels counts.

    Of ten windows the first that is legal enough is taken, or else the best. Smaller pictures are mirrored outwards,
    and their masks are void there.
    """
    cut = Augment(size=size, flip=0.0, legal=legal, generator=generator)
    return cut(image, mask, *maps)


def recolour(image: Tensor, brightness: float, contrast: float, saturation: float) -> Tensor:
    """Change all three at once and round once; the factors mean what torchvision's `adjust_...` functions mean.

    Shape:
        (3, H, W) uint8 -> the same

    Raises:
        ValueError: for any other type: how bright its white is, nobody knows.
    """
    if image.dtype != torch.uint8:
        raise ValueError(
            f"the picture is {image.dtype}: colours are changed in uint8 pictures, 0 to 255; take jitter=0"
        )
    pixels = image.numpy().astype(np.float32)
    grey = np.tensordot(np.float32([0.299, 0.587, 0.114]), pixels, axes=1)
    pixels *= brightness * contrast * saturation
    pixels += brightness * contrast * (1 - saturation) * grey
    pixels += brightness * (1 - contrast) * grey.mean()
    return torch.from_numpy(np.clip(np.rint(pixels, out=pixels), 0, 255, out=pixels).astype(np.uint8))


def _ends(filled: Tensor, end: int) -> Tensor:
    """First filled place (end 0), or one past the last (end 1), of each row of (N, length) bool."""
    if end == 0:
        return filled.int().argmax(dim=1)
    return filled.shape[1] - filled.flip(1).int().argmax(dim=1)


def affine_field(
    source: tuple[int, int],
    size: tuple[int, int],
    centre: tuple[float, float] | None = None,
    scale: float = 1.0,
    degrees: float = 0.0,
    flip: bool = False,
    flip_rows: bool = False,
) -> Tensor:
    """A window on the source: cut out, enlarged, turned, mirrored.

    Args:
        source: height and width of what will be looked at.
        size: height and width of the result.
        centre: row and column of the source in the middle of the result; its own middle by default.
        scale: 2 shows everything twice as large.
        degrees: turns the contents against the clock.
        flip: left becomes right.
        flip_rows: up becomes down.

    Shape:
        -> (2, height, width)
    """
    middle = centre if centre is not None else ((source[0] - 1) / 2, (source[1] - 1) / 2)
    rows = (np.arange(size[0]) - (size[0] - 1) / 2) * (-1 if flip_rows else 1)
    columns = (np.arange(size[1]) - (size[1] - 1) / 2) * (-1 if flip else 1)
    cosine, sine = math.cos(math.radians(degrees)) / scale, math.sin(math.radians(degrees)) / scale
    field = np.empty((2, *size), np.float32)
    np.add((cosine * rows + middle[0])[:, None], (sine * columns)[None, :], out=field[0], casting="same_kind")
    np.add((-sine * rows + middle[1])[:, None], (cosine * columns)[None, :], out=field[1], casting="same_kind")
    return torch.from_numpy(field)


def elastic_displacements(
    size: tuple[int, int], sigma: float = 10.0, grid: int = 3, generator: torch.Generator | None = None
) -> Tensor:
    """Smooth random displacements: Gaussian on a coarse grid, bicubic in between (U-Net, section 3.1).

    Args:
        size: height and width.
        sigma: standard deviation on the grid, in pixels; the paper's is 10.
        grid: points along each side; the paper's is 3.
        generator: for chance.

    Shape:
        -> (2, height, width), to be added to a field
    """
    coarse = sigma * torch.randn(2, grid, grid, generator=generator).numpy()
    down, across = bicubic_weights(size[0], grid), bicubic_weights(size[1], grid)
    return torch.from_numpy(down @ coarse @ across.T)


@lru_cache(maxsize=32)
def bicubic_weights(length: int, grid: int) -> np.ndarray:
    """How much each of `grid` points counts at each of `length` pixels between the first and the last point.

    Shape:
        (length, grid) float32, rows add up to 1; torch's bicubic interpolation, read off its answers
    """
    points = torch.eye(grid)[None, None]
    return F.interpolate(points, size=(length, grid), mode="bicubic", align_corners=True)[0, 0].numpy()


def warp(values: Tensor, field: Tensor, outside: int | None = None, mode: str | None = None) -> Tensor:
    """Look up a picture, a mask or a map where the field says. Past its edges the source is mirrored.

    Args:
        values: (C, H, W) or (H, W).
        field: (2, h, w).
        outside: a number for pixels that come from past the edges, instead of the mirror's.
        mode: "nearest" for labels: each pixel gets its nearest source pixel's number. "bilinear" or "bicubic" for
            pictures and what is measured. Without it, "bilinear" for a picture, (C, H, W) uint8, and else as
            `mode_of` says.

    Shape:
        -> (C, h, w) or (h, w), of the same type

    Raises:
        ValueError: where the values' type cannot hold `outside`.
    """
    if outside is not None and torch.tensor(outside).to(values.dtype).item() != outside:
        raise ValueError(
            f"the mask is {str(values.dtype).removeprefix('torch.')}, which cannot hold {outside} for what lies outside: hand "
            "over mask.long(), or take outside=None, which mirrors"
        )
    if values.dtype == torch.bfloat16:  # NumPy has none
        return warp(values.float(), field, outside, mode).bfloat16()
    picture = values.ndim == 3 and values.dtype == torch.uint8
    mode = mode or ("bilinear" if picture else mode_of(values))
    warped = _nearest(values, field) if mode == "nearest" else _interpolated(values, field, mode)
    if outside is not None:
        height, width = values.shape[-2:]
        rows, columns = field.numpy()
        past = (rows < -0.5) | (rows > height - 0.5) | (columns < -0.5) | (columns > width - 0.5)
        warped.numpy()[..., past] = outside
    return warped


def mode_of(values: Tensor) -> str:
    """How a map is looked up: whole numbers are labels, "nearest"; what is measured is "bilinear"."""
    return "bilinear" if values.is_floating_point() else "nearest"


def mirror(index: np.ndarray, length: int) -> np.ndarray:
    """Whole-number places past the edges, mirrored at the first and the last pixel, which are not repeated."""
    if length == 1:
        return np.zeros_like(index)
    index = index % (2 * length - 2)
    return np.minimum(index, 2 * length - 2 - index)


def mirror_pad(values: Tensor, top: int, bottom: int, left: int, right: int) -> Tensor:
    """Add mirrored borders of any width, as U-Net does where it lacks context (section 2, Figure 2).

    Shape:
        (..., H, W) -> (..., top + H + bottom, left + W + right), of any type

    Raises:
        ValueError: for negative widths.
    """
    if min(top, bottom, left, right) < 0:
        raise ValueError(f"mirror_pad: borders of {top}, {bottom}, {left}, {right} pixels: none may be negative")
    height, width = values.shape[-2:]
    rows = torch.from_numpy(mirror(np.arange(-top, height + bottom), height))
    columns = torch.from_numpy(mirror(np.arange(-left, width + right), width))
    return values[..., rows[:, None], columns[None, :]]


def _nearest(values: Tensor, field: Tensor) -> Tensor:
    height, width = values.shape[-2:]
    places = np.floor(field.numpy() + np.float32(0.5)).astype(np.int32)
    flat = mirror(places[0], height) * np.int32(width) + mirror(places[1], width)
    taken = values.numpy().reshape(*values.shape[:-2], height * width)[..., flat]
    return torch.from_numpy(taken)


def _interpolated(values: Tensor, field: Tensor, mode: str) -> Tensor:
    height, width = values.shape[-2:]
    kind = np.float64 if values.dtype == torch.float64 else np.float32
    # grid_sample counts from -1 at the first pixel's middle to 1 at the last one's.
    grid = np.empty((1, *field.shape[1:], 2), kind)
    np.multiply(field[1].numpy(), 2 / max(1, width - 1), out=grid[0, ..., 0])
    np.multiply(field[0].numpy(), 2 / max(1, height - 1), out=grid[0, ..., 1])
    grid -= 1
    exact = values.to(torch.float64 if kind is np.float64 else torch.float32).reshape(1, -1, height, width)
    warped = F.grid_sample(exact, torch.from_numpy(grid), mode, padding_mode="reflection", align_corners=True)
    warped = warped.numpy().reshape(*values.shape[:-2], *field.shape[1:])
    if values.dtype == torch.uint8:
        warped = np.clip(np.rint(warped, out=warped), 0, 255, out=warped).astype(np.uint8)
    return torch.from_numpy(warped).to(values.dtype)
