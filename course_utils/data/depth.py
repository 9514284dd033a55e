"""Depth as pictures that a net trained on colours can use (Gupta et al. 2014; FCN, Table 4; lecture 06).

One channel, its logarithm; or HHA's three: horizontal disparity, height above the ground, angle with gravity.
"""

import math

import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

# NYU Depth v2's colour camera: focal lengths and centre in pixels of its 640x480 pictures.
NYU_CAMERA = (518.858, 519.470, 325.582, 253.736)
NEAREST, FARTHEST = 0.5, 50.0  # metres, of `log_depth`


def plain_camera(height: int, width: int) -> tuple[float, float, float, float]:
    """A camera with square pixels that sees 53 degrees from left to right: for stickers, or where none is known.

    If it is turned wrongly, `gravity` makes up for it.
    """
    return float(width), float(width), (width - 1) / 2, (height - 1) / 2


def points(depth: Tensor, camera: tuple[float, float, float, float] = NYU_CAMERA) -> Tensor:
    """Where each pixel lies in space.

    Args:
        depth: metres.
        camera: focal lengths and centre (fx, fy, cx, cy) in pixels.

    Shape:
        (H, W) -> (3, H, W) in metres: right, down, away from the camera
    """
    fx, fy, cx, cy = camera
    rows = torch.arange(depth.shape[0], dtype=depth.dtype)[:, None]
    columns = torch.arange(depth.shape[1], dtype=depth.dtype)[None, :]
    return torch.stack([(columns - cx) / fx * depth, (rows - cy) / fy * depth, depth])


def normals(space: Tensor, reach: int = 3) -> Tensor:
    """Unit normals of the surface, from the slopes between neighbours `reach` pixels apart; they face up or here.

    Shape:
        (3, H, W) -> (3, H, W)
    """
    smooth = F.avg_pool2d(space[None], 2 * reach + 1, 1, reach, count_include_pad=False)[0]
    padded = F.pad(smooth[None], (reach,) * 4, mode="replicate")[0]
    across = padded[:, reach:-reach, 2 * reach :] - padded[:, reach:-reach, : -2 * reach]
    down = padded[:, 2 * reach :, reach:-reach] - padded[:, : -2 * reach, reach:-reach]
    normal = torch.linalg.cross(across, down, dim=0)
    normal = F.normalize(normal, dim=0)
    towards_camera = (normal * space).sum(dim=0, keepdim=True) > 0
    return torch.where(towards_camera, -normal, normal)


def gravity(normal: Tensor, rounds: tuple[float, ...] = (45.0, 15.0, 15.0, 15.0)) -> Tensor:
    """The direction of gravity, as the one that floors and walls agree on.

    Each round takes the surfaces within some degrees of lying flat (normals along the present guess) or of standing
    (normals across it), and finds the direction that is most along the ones and least along the others: the
    eigenvector of the smallest eigenvalue of a 3x3 matrix.

    Args:
        normal: (3, H, W).
        rounds: the angle, in degrees, for each round.

    Shape:
        -> (3,), of length 1, pointing down
    """
    flat = normal.reshape(3, -1)
    flat = flat[:, flat.abs().sum(dim=0) > 0]
    down = torch.tensor([0.0, 1.0, 0.0], dtype=normal.dtype)
    for degrees in rounds:
        cosine = (down @ flat).abs()
        angle = torch.deg2rad(torch.tensor(degrees, dtype=normal.dtype))
        lying, standing = flat[:, cosine > angle.cos()], flat[:, cosine < angle.sin()]
        # A view of one wall alone leaves open what is down: then it is what is nearest to the guess.
        prior = 0.01 * flat.shape[1] * torch.outer(down, down)
        matrix = standing @ standing.T - lying @ lying.T - prior
        found = torch.linalg.eigh(matrix).eigenvectors[:, 0]
        down = found if found[1] > 0 else -found
    return down


def fill_holes(depth: Tensor) -> Tensor:
    """Pixels without depth (0, negative or not finite) get that of the nearest pixel that has one; 20 m if none has.

    Shape:
        (H, W) -> (H, W)
    """
    missing = ~(torch.isfinite(depth) & (depth > 0))
    if not missing.any():
        return depth
    if missing.all():
        return torch.full_like(depth, 20.0)
    rows, columns = ndimage.distance_transform_edt(missing.numpy(), return_distances=False, return_indices=True)
    return depth[torch.from_numpy(rows).long(), torch.from_numpy(columns).long()]


def log_depth(depth: Tensor) -> Tensor:
    """The logarithm of depth as one channel of bytes: 255 at half a metre and nearer, 1 at 50 m and farther, 0 unknown.

    A step is 1.8 percent of the distance.

    Args:
        depth: metres; 0, negative or not finite where unknown.

    Shape:
        (H, W) float -> (1, H, W) uint8
    """
    known = torch.isfinite(depth) & (depth > 0)
    metres = torch.where(known, depth, FARTHEST).double().clamp(NEAREST, FARTHEST)
    bytes = 255 - 254 * (metres / NEAREST).log() / math.log(FARTHEST / NEAREST)
    return torch.where(known, bytes.round(), 0).to(torch.uint8)[None]


def hha(depth: Tensor, camera: tuple[float, float, float, float] = NYU_CAMERA) -> Tensor:
    """Horizontal disparity, height above the ground and angle with gravity, each stretched over 0..255.

    Disparity runs from 20 m (0) to 0.5 m (255); height from the lowest point up to 2.55 m; the angle from 0 to 180
    degrees, 0 for surfaces that face up.

    Args:
        depth: metres; holes are filled first, see `fill_holes`.
        camera: as for `points`; `plain_camera(H, W)` for pictures that are not NYU's.

    Shape:
        (H, W) float -> (3, H, W) uint8
    """
    depth = fill_holes(depth)
    space = points(depth.double(), camera)
    normal = normals(space)
    down = gravity(normal)
    disparity = (1 / depth.double() - 1 / 20) / (1 / 0.5 - 1 / 20)
    height = -(down[:, None, None] * space).sum(dim=0)
    # The lowest hundredth may be noise; sorting stays within what torch.quantile refuses (large pictures).
    lowest = height.reshape(-1).kthvalue(max(1, height.numel() // 100)).values
    upwards = (-(down[:, None, None]) * normal).sum(dim=0).clamp(-1, 1)
    channels = [disparity * 255, (height - lowest) * 100, torch.rad2deg(torch.arccos(upwards)) * 255 / 180]
    return torch.stack([channel.clamp(0, 255).round() for channel in channels]).to(torch.uint8)
