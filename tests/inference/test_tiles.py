"""Tiles give what the whole picture gives, wherever they begin on the net's stride, in memory that does not grow."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from course_utils.data.transforms import mirror_pad
from course_utils.inference.tiles import at_once, margin, overlap_tile, read_tile, stream
from course_utils.models.unet import UNet


def make_net(padded=False, **options):
    torch.manual_seed(0)
    return UNet(width=2, padded=padded, **options).eval()


@pytest.fixture(scope="module")
def picture():
    torch.manual_seed(1)
    return torch.rand(1, 430, 397)


def difference(net, picture, step):
    """The largest difference in probability between tiles and one pass, in double precision."""
    net, picture = net.double(), picture.double()
    whole, tiles = at_once(net, picture), overlap_tile(net, picture, step, progress=False)
    return (whole.softmax(0) - tiles.softmax(0)).abs().max().item()


@pytest.mark.parametrize("step", [384, 64, 160])
@pytest.mark.parametrize("padded", [False, True])
def test_tiles_equal_one_pass_when_the_step_suits_the_stride(picture, padded, step):
    assert difference(make_net(padded), picture, step) < 1e-6


@pytest.mark.parametrize("step", [388, 200, 63])
@pytest.mark.parametrize("padded", [False, True])
def test_tiles_leave_seams_when_the_step_does_not(picture, padded, step):
    assert difference(make_net(padded), picture, step) > 0.05


def test_in_single_precision_only_rounding_is_left(picture):
    net = make_net()
    tiles, whole = overlap_tile(net, picture, 96, progress=False), at_once(net, picture)
    torch.testing.assert_close(tiles, whole, rtol=0, atol=2e-6 * whole.abs().max().item())


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("padded", [False, True])
def test_other_depths_step_by_their_own_stride(padded, depth):
    net = make_net(padded, depth=depth, channels=3)
    picture = torch.rand(3, 61, 50)
    assert difference(net, picture, 3 * 2**depth) < 1e-6
    assert difference(net, picture, 3 * 2**depth + 1) > 1e-3


def test_one_pass_is_the_net_on_the_mirrored_picture(picture):
    net, part = make_net(), picture[:, :100, :84]  # 284 and 268 are legal
    with torch.no_grad():
        expected = net(mirror_pad(part, 92, 92, 92, 92)[None])[0, :, :100, :84]
    assert torch.equal(at_once(net, part), expected)


def test_a_padded_net_has_its_answers_near_the_zeros_cut_off():
    net = make_net(padded=True)
    assert (margin(make_net()), margin(net)) == (92, 112)
    picture = torch.rand(1, 64, 64)
    with torch.no_grad():
        mirrored = net(mirror_pad(picture, 112, 112, 112, 112)[None])[0, :, 112:176, 112:176]
        alone = net(picture[None])[0]
    torch.testing.assert_close(at_once(net, picture), mirrored)
    assert not torch.allclose(alone, mirrored, atol=1e-2)


def test_a_tile_is_mirrored_where_the_picture_ends():
    picture = torch.arange(35).view(1, 5, 7)
    everything = mirror_pad(picture, 9, 20, 9, 20)
    for rows, columns in ((slice(0, 4), slice(4, 8)), (slice(4, 8), slice(0, 3))):
        tile = read_tile(picture, rows, columns, 9)
        assert torch.equal(tile, everything[:, rows.start : rows.stop + 18, columns.start : columns.stop + 18])
        assert torch.equal(read_tile(picture.numpy(), rows, columns, 9), tile)


def test_pictures_and_answers_may_lie_in_files(tmp_path, picture):
    pixels = (255 * picture).to(torch.uint8).numpy()
    np.save(tmp_path / "picture.npy", pixels)
    out = np.lib.format.open_memmap(tmp_path / "logits.npy", "w+", np.float32, (2, *pixels.shape[1:]))
    net, prepare = make_net(), lambda tile: tile / 255
    overlap_tile(net, np.load(tmp_path / "picture.npy", mmap_mode="r"), 192, out, prepare, progress=False)
    expected = overlap_tile(net, torch.from_numpy(pixels) / 255, 192, progress=False)
    np.testing.assert_array_equal(np.load(tmp_path / "logits.npy"), expected.numpy())


def test_every_pixel_is_answered_once():
    answered = torch.zeros(50, 70)
    for rows, columns, logits in stream(make_net(depth=1), torch.rand(1, 50, 70), 24, progress=False):
        answered[rows, columns] += 1
        assert logits.shape[1:] == answered[rows, columns].shape
    assert (answered == 1).all()


def test_what_does_not_fit_is_refused_in_words():
    net = make_net()
    with pytest.raises(ValueError, match=r"1 channels: this is \(3, 40, 40\)"):
        overlap_tile(net, torch.rand(3, 40, 40))
    with pytest.raises(ValueError, match=r"is \(C, H, W\)"):
        overlap_tile(net, torch.rand(40, 40))
    with pytest.raises(ValueError, match="step = 0"):
        overlap_tile(net, torch.rand(1, 40, 40), step=0)
    with pytest.raises(ValueError, match=r"it is \(2, 40, 40\)"):
        overlap_tile(net, torch.rand(1, 40, 40), out=torch.empty(1, 40, 40))


PEAK = """
import resource, sys
import numpy as np, torch
from course_utils.models.unet import UNet
from course_utils.inference.tiles import overlap_tile

def peak(side):
    pixels = np.lib.format.open_memmap("picture.npy", "w+", np.uint8, (1, side, side))
    out = np.lib.format.open_memmap("logits.npy", "w+", np.float32, (2, side, side))
    overlap_tile(UNet(width=1, depth=1), pixels, 384, out, lambda tile: tile / 255, progress=False)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)

torch.set_num_threads(1)
print(peak(768), peak(3072))
"""


def test_memory_does_not_grow_with_the_picture(tmp_path):
    pytest.importorskip("resource", reason="Windows does not tell a process's peak memory in this way")
    ended = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert ended.returncode == 0, ended.stderr
    small, large = map(float, ended.stdout.split())
    rows = 2 * 4 * 384 * (3072 - 768) / 2**20  # one row of tiles' answers may be mapped at a time: 7 MB more
    assert large - small < rows + 15, f"{small:.0f} MB for 768x768, {large:.0f} MB for 16 times as many pixels"
