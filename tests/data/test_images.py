"""Any file becomes a picture or a clear word about why not."""

import importlib.util
import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from course_utils.data.images import UnreadableImage, read_image
from course_utils.data.masks import check_mask, read_mask
from course_utils.data.photographs import photograph

RAMP = np.arange(20 * 12, dtype=np.uint8).reshape(12, 20)


def save(path, picture, **options):
    picture.save(path, **options)
    return path


def colourful():
    return Image.fromarray(np.stack([RAMP, RAMP[::-1], 255 - RAMP], axis=-1))


HOLDS = {
    "png": ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"],
    "tif": ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "LAB", "I", "F", "I;16"],
    "jpg": ["L", "RGB", "CMYK", "YCbCr"],
    "webp": ["L", "P", "RGB", "RGBA"],
    "bmp": ["1", "L", "P", "RGB", "RGBA"],
    "gif": ["1", "L", "P", "RGB", "RGBA"],
}


@pytest.mark.parametrize(("ending", "mode"), [(ending, mode) for ending in HOLDS for mode in HOLDS[ending]])
def test_every_mode_in_every_format_gives_three_channels_of_bytes(tmp_path, ending, mode):
    special = {
        "I;16": lambda: Image.fromarray(RAMP.astype(np.uint16) * 16),
        "F": lambda: Image.fromarray(RAMP.astype(np.float32) / 255),
        "I": lambda: Image.fromarray(RAMP.astype(np.int32) * 16),
    }
    picture = special.get(mode, lambda: colourful().convert(mode))()
    image = read_image(save(tmp_path / f"picture.{ending}", picture))
    assert image.shape == (3, 12, 20) and image.dtype == torch.uint8 and image.is_contiguous()
    assert image.float().std() > 20


def test_a_png_comes_back_to_the_bit(tmp_path):
    path = save(tmp_path / "colour.png", colourful())
    assert np.array_equal(read_image(path).permute(1, 2, 0).numpy(), np.asarray(colourful()))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_that_a_camera_turned_stand_upright(tmp_path, orientation):
    upright = np.zeros((12, 20, 3), np.uint8)
    upright[:4, :5] = 255
    undo = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.transpose(1, 0, 2),
    }
    undo |= {
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, 3),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(undo[orientation](upright)))
    path = save(tmp_path / "turned.png", stored, exif=exif)
    assert np.array_equal(read_image(path).permute(1, 2, 0).numpy(), upright)


def test_twelve_bits_in_sixteen_are_not_black(tmp_path):
    path = save(tmp_path / "microscope.tif", Image.fromarray(np.full((5, 5), 4095, np.uint16)))
    assert (read_image(path) == 255).all()


def test_sixteen_bit_colour_tiff_is_read(tmp_path):
    tifffile.imwrite(tmp_path / "deep.tif", np.full((6, 7, 3), (65535, 0, 256 * 128), np.uint16), photometric="rgb")
    assert read_image(tmp_path / "deep.tif")[:, 0, 0].tolist() == [255, 0, 128]


def deep_png(path, values):
    """A 16-bit PNG of (H, W, channels): what Pillow can read and not write."""
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[values.shape[2]]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    size = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, kind, 0, 0, 0)
    chunks = ((b"IHDR", size), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    made = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(made))
    return path


RAMP12 = (np.arange(20 * 12).reshape(12, 20) * 17).astype(np.uint16)


@pytest.mark.parametrize(
    "kind", ["grey.tif", "colour.tif", "planes.tif", "colour.png", "opaque.png", "grey and opaque.png"]
)
def test_a_12_bit_ramp_is_equally_bright_in_grey_and_colour(tmp_path, kind):
    path, colour, opaque = (
        tmp_path / kind.replace(" ", "_"),
        np.stack([RAMP12] * 3, -1),
        np.full((12, 20, 1), 65535, np.uint16),
    )
    if kind.endswith("tif"):
        values = {"grey": RAMP12, "colour": colour, "planes": np.moveaxis(colour, -1, 0)}[path.stem]
        planes = {"planarconfig": "separate"} if path.stem == "planes" else {}
        tifffile.imwrite(path, values, photometric="minisblack" if path.stem == "grey" else "rgb", **planes)
    else:
        stored = {
            "colour": colour,
            "opaque": np.dstack([colour, opaque]),
            "grey_and_opaque": np.dstack([RAMP12, opaque]),
        }
        deep_png(path, stored[path.stem])
    assert np.array_equal(read_image(path).numpy(), np.stack([RAMP12 >> 4] * 3))


@pytest.mark.parametrize("turn", range(1, 9))
def test_deep_pictures_are_turned_like_photographs(tmp_path, turn):
    tifffile.imwrite(tmp_path / "deep.tif", RAMP12, extratags=[(274, "H", 1, turn, True)])
    exif = Image.Exif()
    exif[0x0112] = turn
    save(tmp_path / "photo.png", Image.fromarray((RAMP12 >> 4).astype(np.uint8)), exif=exif)
    assert torch.equal(read_image(tmp_path / "deep.tif"), read_image(tmp_path / "photo.png"))


@pytest.mark.parametrize(
    "values",
    [
        RAMP12.astype(np.float64) / 4095,
        np.dstack([RAMP12] * 2),
        np.dstack([RAMP12] * 5),
        np.dstack([RAMP12] * 3).astype(np.uint32),
    ],
)
def test_scientific_tiffs_are_read_and_the_missing_codec_is_named(tmp_path, values):
    tifffile.imwrite(
        tmp_path / "plain.tif", values, photometric="minisblack", planarconfig=None if values.ndim == 2 else "contig"
    )
    assert read_image(tmp_path / "plain.tif").shape == (3, 12, 20)
    data = bytearray((tmp_path / "plain.tif").read_bytes())
    place = data.index(struct.pack("<HHIH", 259, 3, 1, 1))
    data[place + 8] = 5
    (tmp_path / "packed.tif").write_bytes(data)
    if importlib.util.find_spec("imagecodecs") is None:
        with pytest.raises(UnreadableImage, match="pip install imagecodecs") as caught:
            read_image(tmp_path / "packed.tif")
        assert "damaged" not in str(caught.value) and "download" not in str(caught.value)


def test_a_sound_picture_that_is_too_large_is_not_called_damaged(tmp_path):
    Image.new("1", (14000, 13000)).save(tmp_path / "big.tif", compression="group4")
    for read in (read_image, read_mask):
        with pytest.raises(UnreadableImage, match=r"more than 178,956,970 pixels.*tile it") as caught:
            read(tmp_path / "big.tif")
        assert "damaged" not in str(caught.value)


def test_fractions_of_unknown_range_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.linspace(0, 1.01, 64, dtype=np.float32).reshape(8, 8))
    with pytest.raises(UnreadableImage, match="neither from 0 to 1 nor from 0 to 255"):
        read_image(tmp_path / "a.tif")


def test_transparent_parts_become_white(tmp_path):
    path = save(tmp_path / "sticker.png", Image.new("RGBA", (4, 4), (200, 0, 0, 0)))
    assert (read_image(path) == 255).all()


def picture_bytes(format):
    stream = io.BytesIO()
    photo = Image.fromarray(photograph("coffee").permute(1, 2, 0).numpy()[:120, :160])
    photo.save(stream, format)
    return stream.getvalue()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP", "GIF"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_cut_picture_is_called_damaged_and_named(tmp_path, format, kept):
    whole = picture_bytes(format)
    path = tmp_path / "holiday.img"
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(UnreadableImage, match=r"holiday\.img.*(damaged|not a picture)"):
        read_image(path)


@given(position=st.floats(0, 1), junk=st.binary(min_size=1, max_size=64))
def test_no_damage_escapes_as_another_error(tmp_path_factory, position, junk):
    whole = bytearray(picture_bytes("PNG"))
    start = int(position * (len(whole) - 1))
    whole[start : start + len(junk)] = junk
    path = tmp_path_factory.getbasetemp() / "junk.png"
    path.write_bytes(whole)
    try:
        assert read_image(path).ndim == 3
    except UnreadableImage as error:
        assert "junk.png" in str(error)


READ_ALL = """
import resource, sys
from pathlib import Path
from course_utils.data.images import read_image
from course_utils.data.masks import read_mask

for path in sorted(Path("damaged").iterdir()):
    for read in (read_image, read_mask):
        try:
            assert read(path).ndim in (2, 3)
        except ValueError as error:
            assert path.name in str(error), error
status = Path("/proc/self/status")
if status.exists():  # on Linux, getrusage tells the peak of the process that started this one, too
    print(int(status.read_text().partition("VmHWM:")[2].split()[0]) / 2**20)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20))
"""


@pytest.mark.notebooks
def test_a_thousand_damaged_files_give_a_word_each_and_take_no_memory(tmp_path):
    pytest.importorskip("resource", reason="Windows does not tell a process's peak memory in this way")
    dice, whole = np.random.default_rng(0), {}
    for kind in ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP"):
        whole[kind.lower()] = picture_bytes(kind)
    tifffile.imwrite(tmp_path / "deep.tif", np.dstack([RAMP12] * 3), photometric="rgb", compression="zlib")
    whole["tif"] = (tmp_path / "deep.tif").read_bytes()
    whole["deep.png"] = deep_png(tmp_path / "deep.png", np.dstack([RAMP12] * 3)).read_bytes()
    (tmp_path / "damaged").mkdir()
    for number in range(1000):
        kind = list(whole)[number % len(whole)]
        data = bytearray(whole[kind])
        if number % 3:
            for place in dice.integers(0, len(data) if number % 2 else min(400, len(data)), 1 + number % 5):
                data[place] ^= 1 << dice.integers(8)
        if number % 3 != 1:
            del data[dice.integers(len(data)) :]
        path = tmp_path / "damaged" / f"{number}.{dice.choice([kind, 'png', 'tif', 'jpg'])}"
        path.write_bytes(data)
    ended = subprocess.run([sys.executable, "-c", READ_ALL], capture_output=True, text=True, cwd=tmp_path, timeout=600)
    assert ended.returncode == 0, ended.stderr
    assert float(ended.stdout) < 2, f"{float(ended.stdout):.2f} GB at the most"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>404</html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"\x00\x00\x00\x18ftypheic", "HEIC"),
        (b"<?xml version='1.0'?><svg/>", "SVG"),
        (b"hello", "first bytes"),
    ],
)
def test_what_is_not_a_picture_is_named(tmp_path, content, word):
    (tmp_path / "cat.jpg").write_bytes(content)
    with pytest.raises(UnreadableImage, match=word):
        read_image(tmp_path / "cat.jpg")


def test_a_missing_picture_names_the_nearest(tmp_path):
    (tmp_path / "cat_01.png").write_bytes(b"x")
    with pytest.raises(FileNotFoundError, match=r"there is 'cat_01\.png'"):
        read_image(tmp_path / "cat_1.png")
    with pytest.raises(UnreadableImage, match="folder"):
        read_image(tmp_path)


def palette_mask(values):
    mask = Image.fromarray(values.astype(np.uint8)).convert("P")
    mask = Image.fromarray(values.astype(np.uint8), mode=None)
    mask.putpalette([7 * i % 256 for i in range(768)])
    return mask


def test_a_palette_mask_gives_its_numbers_not_its_colours(tmp_path):
    values = np.array([[0, 1, 20], [255, 3, 3]])
    mask = read_mask(save(tmp_path / "mask.png", palette_mask(values)))
    assert mask.dtype == torch.int64 and np.array_equal(mask.numpy(), values)


def test_a_sixteen_bit_instance_mask_keeps_its_numbers(tmp_path):
    values = np.array([[0, 300], [65535, 1]], np.uint16)
    for name in ("cells.png", "cells.tif"):
        assert np.array_equal(read_mask(save(tmp_path / name, Image.fromarray(values))).numpy(), values)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_numbers_are_not_stretched_by_how_many_bits_they_are_stored_in(tmp_path, bits):
    values = RAMP % min(16, 1 << bits)
    white = (1 << bits) - 1
    save(tmp_path / "grey.png", Image.fromarray(values * (255 // white)).convert("1" if bits == 1 else "L"), bits=bits)
    save(tmp_path / "palette.png", palette_mask(values), bits=bits)
    for name in ("grey.png", "palette.png"):
        assert np.array_equal(read_mask(tmp_path / name).numpy(), values)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8, np.uint16, np.int64, np.uint64, np.float16, np.float64])
@pytest.mark.parametrize("white", ["minisblack", "miniswhite"])
def test_a_tiff_mask_gives_what_is_stored_whatever_its_type_and_its_white(tmp_path, dtype, white):
    values = (RAMP % 3).astype(dtype)
    tifffile.imwrite(tmp_path / "mask.tif", values, photometric=white)
    assert np.array_equal(read_mask(tmp_path / "mask.tif").numpy(), values.astype(np.int64))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_fractions_are_no_class_numbers(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "mask.tif", np.array([[0, 0.6], [2.7, 1]], dtype))
    with pytest.raises(ValueError, match="holds fractions"):
        read_mask(tmp_path / "mask.tif")


def test_with_colours_named_every_mask_is_read_by_its_colours(tmp_path):
    numbers = Image.fromarray(np.array([[0, 1], [2, 2]], np.uint8))
    numbers.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    save(tmp_path / "palette.png", numbers)
    save(tmp_path / "painted.png", numbers.convert("RGB"))
    save(tmp_path / "transparent.png", numbers.convert("RGBA"))
    for name in ("palette.png", "painted.png", "transparent.png"):
        mask = read_mask(tmp_path / name, colours=[(0, 0, 0), (0, 128, 0), (128, 0, 0)])
        assert mask.tolist() == [[0, 2], [1, 1]]


def test_a_lossy_mask_is_refused_by_what_it_is(tmp_path):
    save(tmp_path / "sound.webp", Image.fromarray(RAMP % 2), lossless=True)
    assert read_mask(tmp_path / "sound.webp").unique().tolist() == [0, 1]
    for name, options in (("mask.webp", {}), ("mask.tif", {"compression": "jpeg"})):
        with pytest.raises(ValueError, match="changes values near edges"):
            read_mask(save(tmp_path / name, Image.fromarray(RAMP), **options))


def test_a_jpeg_mask_is_refused(tmp_path):
    with pytest.raises(ValueError, match="JPEG, which changes values"):
        read_mask(save(tmp_path / "mask.jpg", Image.fromarray(RAMP)))


def test_colour_masks_need_their_colours(tmp_path):
    painted = np.array([[[0, 0, 0], [128, 0, 0]], [[224, 224, 192], [0, 128, 0]]], np.uint8)
    path = save(tmp_path / "painted.png", Image.fromarray(painted))
    with pytest.raises(ValueError, match=r"4 colours.*pass colours="):
        read_mask(path)
    assert read_mask(path, colours=[(0, 0, 0), (128, 0, 0), (0, 128, 0)]).tolist() == [[0, 1], [255, 2]]
    with pytest.raises(ValueError, match=r"\(0, 128, 0\)"):
        read_mask(path, colours=[(0, 0, 0), (128, 0, 0)])


@pytest.mark.parametrize(
    ("values", "classes", "word"),
    [
        ([[0, 255]], 2, "black-and-white"),
        ([[0, 1, 2, 3, 40, 90, 127, 200]], 4, "antialiased"),
        ([[-1, 0]], 3, "-1 mean void"),
        ([[1, 2, 3]], 3, "from 1"),
        ([[0, 1, 9]], 3, "instance mask"),
        ([[77]], 21, "map these values"),
    ],
)
def test_check_mask_names_the_values_and_the_mistake(values, classes, word):
    with pytest.raises(ValueError, match=word) as caught:
        check_mask(torch.tensor(values), classes, name="mask 'cat_03.png'")
    assert "mask 'cat_03.png' holds" in str(caught.value)


def test_check_mask_accepts_classes_and_void_and_compares_sizes():
    mask = torch.tensor([[0, 20, 255], [1, 1, 1]])
    assert check_mask(mask, 21) is mask
    with pytest.raises(ValueError, match="turned by 90"):
        check_mask(mask, 21, size=(3, 2))
    with pytest.raises(ValueError, match="whole"):
        check_mask(mask.float(), 21)
    with pytest.raises(ValueError, match=r"\(H, W\)"):
        check_mask(mask[None], 21)
    with pytest.raises(ValueError, match="255"):
        check_mask(mask, 21, void=None)
