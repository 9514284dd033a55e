"""Four ways to get an answer for every place in a picture from one net (FCN, sections 3.1 and 3.2; lecture 02).

All take the same fully convolutional net and give scores on a grid:

- `dense`: the whole picture at once; one answer every `stride` pixels.
- `sliding_window`: the same answers, one crop after the other, as it was done before.
- `shift_and_stitch`: finer answers from the same net, run once for each shift.
- `a_trous`: the same finer answers from one run of the dilated net.
"""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from tqdm import tqdm

from course_utils.data import rehearsal
from course_utils.models.coordinates import convolutions_in_line, geometry
from course_utils.models.fcn import parameters_in
from course_utils.models.variants import dilated

__all__ = ["a_trous", "dense", "dilated", "multiply_adds", "shift_and_stitch", "sliding_window", "table_1_row"]


@torch.no_grad()
def dense(net: nn.Module, images: Tensor) -> Tensor:
    """The whole picture in one run.

    Shape:
        images (N, 3, H, W) -> scores (N, classes, h, w)
    """
    return net(images)


@torch.no_grad()
def sliding_window(
    net: nn.Module, images: Tensor, window: int, stride: int, batch: int = 1, progress: bool = False
) -> Tensor:
    """One run of the net for each window that fits into the picture.

    Args:
        net: answers one window with one cell; a classifier or its convolutionalized form.
        images: normalised pictures.
        window: side of the window, in pixels.
        stride: distance between windows, in pixels.
        batch: windows in one run.
        progress: whether to show a bar.

    Shape:
        images (N, 3, H, W) -> scores (N, classes, (H - window) // stride + 1, (W - window) // stride + 1)

    Raises:
        ValueError: where the window is larger than the picture, or the net gives more than one cell for it.
    """
    if min(images.shape[-2:]) < window:
        raise ValueError(f"a window of {window} pixels does not fit into a picture of {tuple(images.shape[-2:])}")
    windows = images.unfold(2, window, stride).unfold(3, window, stride)  # (N, 3, h, w, window, window), no copy
    number, _, height, width = windows.shape[:4]
    places = [(n, row, column) for n in range(number) for row in range(height) for column in range(width)]
    scores = []
    for start in tqdm(range(0, len(places), batch), disable=not progress, desc="windows"):
        crops = torch.stack([windows[n, :, row, column] for n, row, column in places[start : start + batch]])
        answers = net(crops)
        if answers[0].numel() != answers.shape[1]:
            grid = f"{answers.shape[-2]}x{answers.shape[-1]}"
            raise ValueError(
                f"the net answers a window of {window} pixels with a grid of {grid}: take a smaller window"
            )
        scores.append(answers.flatten(1))
    return torch.cat(scores).view(number, height, width, -1).permute(0, 3, 1, 2)


@torch.no_grad()
def shift_and_stitch(net: nn.Module, images: Tensor, stride: int, finer: int = 1) -> Tensor:
    """Answers every `finer` pixels from a net of a larger stride, run on shifted pictures (FCN, section 3.2).

    The net runs `(stride / finer) ** 2` times, and the grids are interlaced. The shifted pictures are cut so that all
    have the same size and none sees a border that was made up: the grid may end a few cells early.

    Args:
        net: any fully convolutional net.
        images: normalised pictures.
        stride: the net's own, in pixels.
        finer: pixels between answers, a divisor of the stride.

    Shape:
        images (N, 3, H, W) -> scores (N, classes, stride / finer * h, stride / finer * w)

    Raises:
        ValueError: where `finer` does not divide the stride, or the picture is smaller than the shifts.
    """
    if finer < 1 or stride % finer:
        raise ValueError(f"answers every {finer} pixels do not divide the net's stride of {stride}")
    factor = stride // finer
    height, width = (side - stride + finer for side in images.shape[-2:])
    if min(height, width) < 1:
        raise ValueError(f"a picture of {tuple(images.shape[-2:])} cannot be shifted by up to {stride - finer} pixels")
    stitched = None
    for row in range(factor):
        for column in range(factor):
            down, right = row * finer, column * finer
            scores = net(images[:, :, down : down + height, right : right + width])
            if stitched is None:
                number, classes, rows, columns = scores.shape
                stitched = scores.new_empty(number, classes, factor * rows, factor * columns)
            stitched[:, :, row::factor, column::factor] = scores
    return stitched


@torch.no_grad()
def a_trous(net: nn.Module, images: Tensor, stride: int = 1) -> Tensor:
    """Answers `stride` pixels apart, from one run of the dilated net (FCN, section 3.2).

    Equal to `shift_and_stitch` wherever no cell sees padding.

    Args:
        net: a fully convolutional net whose parts run in the order in which they are listed.
        images: normalised pictures.
        stride: pixels between answers.

    Shape:
        images (N, 3, H, W) -> scores (N, classes, about H / stride, about W / stride)
    """
    return dilated(net, stride)(images)


def multiply_adds(net: nn.Module, images: Tensor) -> int:
    """Multiply-adds that one run of a net takes in its convolutions and matrix products: counted, not run.

    Shape:
        images (N, 3, H, W); only the shape matters
    """
    from torch._subclasses import FakeTensorMode
    from torch.utils.flop_counter import FlopCounterMode

    # fake tensors have shapes and no numbers, so the count of even a large net comes at once
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True), FlopCounterMode(display=False) as counter:
        net(torch.empty(images.shape, device=images.device))
    return counter.get_total_flops() // 2


def table_1_row(net: nn.Module, size: int = 500, device: torch.device | str = "cpu", repeats: int = 3) -> dict:
    """What FCN's Table 1 says of a net besides its mean IU, read off its layers, and timed here (lecture 06).

    Args:
        net: a `PaperFCN` or `FCN`; moved to the device and put into eval mode. Its weights do not matter.
        size: height and width of the picture, 500 in the paper.
        device, repeats: as for `seconds`; a single run has no warm-up.

    Returns:
        layers: convolutions in line, up to the scores; those of parallel branches beside the longest do not count.
        parameters: all but the upsampling's.
        receptive_field, stride: of the coarsest scores, in pixels.
        seconds: forward time of one picture; the paper's is a K40c's.
    """
    net.eval().to(device)
    found = geometry(net.to_scores, size)
    picture = torch.zeros(1, 3, size, size, device=device)
    with torch.no_grad():
        time = seconds(lambda: net(picture), device, repeats, warm_up=repeats > 1)
    return {
        "layers": convolutions_in_line(net.to_scores),
        "parameters": parameters_in(net),
        "receptive_field": found.receptive_field,
        "stride": int(found.stride),
        "seconds": time,
    }


def seconds(
    work: Callable[[], object], device: torch.device | str = "cpu", repeats: int = 3, warm_up: bool = True
) -> float:
    """The shortest of several timings.

    A GPU works on after Python has moved on, so each timing waits until it is done. The shortest is the one that other
    programs on the machine disturbed least.

    Args:
        work: what to time.
        device: where it runs.
        repeats: timings; one in a rehearsal.
        warm_up: whether a first run goes untimed, in which memory is reserved and kernels are chosen.
    """
    device = torch.device(device)
    if rehearsal.FOLDER:
        repeats, warm_up = 1, False

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        elif device.type == "mps":
            torch.mps.synchronize()

    timings = []
    for _ in range(repeats + warm_up):
        wait()
        start = time.perf_counter()
        work()
        wait()
        timings.append(time.perf_counter() - start)
    return min(timings[warm_up:])
