"""Lecture 03's exercises know their mistakes."""

import pytest
import torch
from torch.nn import functional

from course_utils.exercises.engine import NotYet, check
from tests.exercises.solutions import solutions

NAMES = ("convolution_matrix", "bilinear_kernel", "coordinate_map", "transposed_by_convolution")


@pytest.fixture(scope="module")
def right():
    return solutions("03")


def rows(kernel, size, cells, step):
    """A matrix with the kernel in each row, as far as it fits."""
    matrix = torch.zeros(cells, size)
    for cell in range(cells):
        room = max(0, min(len(kernel), size - cell * step))
        matrix[cell, cell * step : cell * step + room] = kernel[:room]
    return matrix


def places(kernel, size, stride):
    return (size - len(kernel)) // stride + 1


def one_too_many(kernel, size, stride):
    matrix = torch.zeros(size // stride, size)
    for cell in range(size // stride):
        matrix[cell, cell * stride : cell * stride + len(kernel)] = kernel
    return matrix


MATRICES = {
    "turned around": lambda k, n, s: rows(k.flip(0), n, places(k, n, s), s),
    "lies on its side": lambda k, n, s: rows(k, n, places(k, n, s), s).T,
    "you find none. Count both ends": lambda k, n, s: rows(k, n, places(k, n, s) - 1, s),
    "where does the stride go": lambda k, n, s: rows(k, n, places(k, n, 1), 1),
    "All your rows are the same": lambda k, n, s: rows(k, n, places(k, n, s), 0),
    "row i begins at pixel i \\* stride": lambda k, n, s: rows(k, n, places(k, n, s), 1),
    "have a third": lambda k, n, s: rows(k, n, -((len(k) - n) // s) + 1, s),
    "does not fit into its row": one_too_many,
    "whole numbers": lambda k, n, s: rows(k, n, places(k, n, s), s).long(),
    "returns None": lambda k, n, s: None,
    "returns a list": lambda k, n, s: rows(k, n, places(k, n, s), s).tolist(),
    r"shape \(3,\)": lambda k, n, s: k,
}


def tents(size, centre, reach):
    return 1 - (torch.arange(size) - centre).abs() / reach


def squared(line):
    return line[:, None] * line


def cone(size):
    line = torch.arange(size) - (size - 1) / 2
    return 1 - (line[:, None] ** 2 + line**2).sqrt() / ((size + 1) // 2)


KERNELS = {
    "Multiply them": lambda n: tents(n, (n - 1) / 2, (n + 1) // 2)[:, None] + tents(n, (n - 1) / 2, (n + 1) // 2),
    "add up to 1 over the whole kernel": lambda n: (
        (whole := squared(tents(n, (n - 1) / 2, (n + 1) // 2))) / whole.sum()
    ),
    "Round it up to 2": lambda n: squared(tents(n, (n - 1) / 2, n / 2)),
    "the neighbours of the middle get nothing": lambda n: squared(tents(n, (n - 1) / 2, n // 2)),
    "cone": cone,
    "is not symmetric": lambda n: squared(tents(n, n / 2, (n + 1) // 2)),
    "an even kernel has its centre between": lambda n: squared(tents(n, n // 2, (n + 1) // 2)),
    "nothing to round up": lambda n: squared(tents(n, (n - 1) / 2, (n + 1) / 2)),
    "only right for small sizes": lambda n: (
        squared(tents(n, (n - 1) / 2, (n + 1) // 2)) if n < 63 else torch.ones(n, n)
    ),
    r"kernel \(size, size\) is asked for": lambda n: tents(n, (n - 1) / 2, (n + 1) // 2),
    "returns None": lambda n: None,
}


def walk(
    conv=lambda k, s, p: (s, (k - 1) / 2 - p), up=lambda k, s, p: (1 / s, (p - (k - 1) / 2) / s), join=None, back=False
):
    """A coordinate map whose parts can be got wrong one by one."""

    def coordinate_map(layers):
        scale, shift = 1, 0
        for kind, k, s, p in reversed(layers) if back else layers:
            a, b = conv(k, s, p) if kind == "conv" else up(k, s, p)
            scale, shift = join(scale, shift, a, b) if join else (scale * a, shift + scale * b)
        return scale, shift

    return coordinate_map


def backwards(k, s, p):
    return (k - 1) / 2 - p


COORDINATES = {
    r"\(k - 1\) / 2, not k / 2": walk(conv=lambda k, s, p: (s, k / 2 - p)),
    "stays 0": walk(conv=lambda k, s, p: (s, 0)),
    "wrong sign": walk(conv=lambda k, s, p: (s, p - (k - 1) / 2)),
    "forget the padding": walk(conv=lambda k, s, p: (s, (k - 1) / 2)),
    "subtract p": walk(conv=lambda k, s, p: (s, (k - 1) / 2 + p)),
    "multiply a later layer's shift": walk(join=lambda scale, shift, a, b: (scale * a, shift + b)),
    r"scale \*before\* the layer": walk(join=lambda scale, shift, a, b: (scale * a, shift + scale * a * b)),
    "the last layer's": walk(join=lambda scale, shift, a, b: (a, shift + b)),
    "adds the strides up": walk(join=lambda scale, shift, a, b: (scale + a if shift else a, shift + scale * b)),
    "from the last layer to the first": walk(back=True),
    "Its output is finer": walk(up=lambda k, s, p: (s, backwards(k, s, p))),
    "Its shift: solve": walk(up=lambda k, s, p: (1 / s, backwards(k, s, p))),
    "divides the shift by the stride": walk(up=lambda k, s, p: (1 / s, -backwards(k, s, p))),
    "changes its sign": walk(up=lambda k, s, p: (1 / s, backwards(k, s, p) / s)),
    "the scale has to turn around": walk(up=lambda k, s, p: (s, -backwards(k, s, p))),
    "the scale comes first": lambda layers: walk()(layers)[::-1],
    "returns None": lambda layers: None,
    "Two numbers are asked for": lambda layers: walk()(layers)[0],
}


def spelled(weights=lambda w: w.flip(2, 3).transpose(0, 1), after=0, between=0, around=0):
    """A transposed convolution from a convolution whose parts can be got wrong one by one."""

    def answer(maps, weight, stride):
        step = max(1, stride + between)
        size = [(side - 1) * step + 1 + after * (stride - 1) for side in maps.shape[2:]]
        apart = maps.new_zeros(*maps.shape[:2], *size)
        apart[:, :, ::step, ::step][:, :, : maps.shape[2], : maps.shape[3]] = maps
        return functional.conv2d(apart, weights(weight), padding=max(0, weight.shape[-1] - 1 + around))

    return answer


TRANSPOSED = {
    "turn the kernel around along both axes": spelled(lambda w: w.transpose(0, 1)),
    "along one axis only": spelled(lambda w: w.flip(3).transpose(0, 1)),
    "and not the last two": spelled(lambda w: w.flip(2, 3).transpose(2, 3)),
    r"The channels do not fit": spelled(lambda w: w.flip(2, 3)),
    r"have to become \(out, in, k, k\)": lambda maps, weight, stride: spelled(
        lambda w: w.flip(2, 3) if w.shape[0] == w.shape[1] else w.flip(2, 3).transpose(0, 1)
    )(maps, weight, stride),
    "no zeros belong \\*after\\*": spelled(after=1),
    "put stride - 1 zeros between": spelled(between=-1),
    "you make 6": spelled(between=1),
    "pad with k - 1 zeros": lambda maps, weight, stride: functional.conv2d(
        functional.pad(maps, (0, 1, 0, 1)), weight.flip(2, 3).transpose(0, 1)
    ),
    "is the one to be written|the one to be written": lambda maps, weight, stride: functional.conv_transpose2d(
        maps, weight, stride=stride
    ),
    "returns None": lambda maps, weight, stride: None,
}

CASES = [
    (name, message, wrong)
    for name, mistakes in zip(NAMES, (MATRICES, KERNELS, COORDINATES, TRANSPOSED), strict=True)
    for message, wrong in mistakes.items()
]


@pytest.mark.parametrize(("name", "message", "wrong"), CASES, ids=[f"{name}-{message}" for name, message, _ in CASES])
def test_each_mistake_is_named(name, message, wrong):
    with pytest.raises(NotYet, match=message):
        check(f"03.{name}", wrong)


def test_other_right_ways_pass():
    def from_the_identity(kernel, size, stride):
        return functional.conv1d(torch.eye(size)[:, None], kernel.view(1, 1, -1), stride=stride)[:, 0].T

    def with_the_smaller_distance(size):
        reach = -(-size // 2)
        line = torch.tensor([min(x + 1, size - x) / reach for x in range(size)])
        line = line - (0.5 / reach if size % 2 == 0 else 0)
        return torch.outer(line, line)

    def from_two_cells(layers):
        def place(cell):
            for kind, kernel, stride, padding in reversed(layers):
                inner = (kernel - 1) / 2 - padding
                cell = stride * cell + inner if kind == "conv" else (cell - inner) / stride
            return cell

        return place(1) - place(0), place(0)

    def by_stamping(maps, weight, stride):
        number, _, height, width = maps.shape
        side = weight.shape[-1]
        out = maps.new_zeros(number, weight.shape[1], (height - 1) * stride + side, (width - 1) * stride + side)
        for row in range(height):
            for column in range(width):
                stamp = torch.einsum("nc,cdij->ndij", maps[:, :, row, column], weight)
                top, left = row * stride, column * stride
                out[:, :, top : top + side, left : left + side] += stamp
        return out

    check("03.convolution_matrix", from_the_identity)
    check("03.bilinear_kernel", with_the_smaller_distance)
    check("03.coordinate_map", from_two_cells)
    check("03.transposed_by_convolution", by_stamping)


def test_an_error_of_the_students_own_is_passed_on():
    with pytest.raises(NotYet, match=r"stopped with an error.*RuntimeError"):
        check("03.transposed_by_convolution", lambda maps, weight, stride: maps @ weight.view(7))
