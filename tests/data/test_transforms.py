"""Geometry is applied once and to everything alike; masks are looked up, never mixed."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional

from course_utils.data.dataset import detection_target, load
from course_utils.data.masks import check_mask
from course_utils.data.transforms import (
    Augment,
    affine_field,
    elastic_deformation,
    elastic_displacements,
    mirror_pad,
    random_crop,
    recolour,
    warp,
)

SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40))


def chance(seed):
    return torch.Generator().manual_seed(seed)


def a_pair(height, width, seed=0, classes=5):
    image = torch.randint(0, 256, (3, height, width), generator=chance(seed), dtype=torch.uint8)
    mask = torch.randint(0, classes, (height, width), generator=chance(seed + 1))
    mask[mask == classes - 1] = 255
    return image, mask


@given(size=SIZES, seed=st.integers(0, 9999))
def test_without_any_change_everything_comes_back_to_the_bit(size, seed):
    image, mask = a_pair(*size, seed)
    weights = torch.rand(size)
    changed = Augment(flip=0.0)(image, mask, weights)
    assert torch.equal(changed[0], image) and torch.equal(changed[1], mask)
    assert torch.allclose(changed[2], weights, atol=1e-4)
    assert torch.equal(elastic_deformation(image, mask, sigma=0.0)[0], image)


@given(size=SIZES)
def test_flips_and_quarter_turns_are_exact(size):
    image, mask = a_pair(*size)
    assert torch.equal(Augment(flip=1.0)(image, mask)[0], image.flip(2))
    assert torch.equal(Augment(flip=0.0, flip_rows=1.0)(image, mask)[1], mask.flip(0))
    turned = affine_field(size, (size[1], size[0]), degrees=90)
    assert torch.equal(warp(mask, turned), torch.rot90(mask, 1))
    assert torch.equal(warp(image, turned), torch.rot90(image, 1, (1, 2)))


@given(
    size=st.tuples(st.integers(2, 50), st.integers(2, 50)),
    out=st.one_of(st.none(), st.tuples(st.integers(1, 60), st.integers(1, 60))),
    seed=st.integers(0, 9999),
    scale=st.tuples(st.floats(0.3, 1), st.floats(1, 3)),
    degrees=st.sampled_from([0.0, 30.0, 180.0]),
    sigma=st.sampled_from([0.0, 3.0, 10.0]),
    mirrored=st.booleans(),
)
def test_masks_never_get_new_values_and_sizes_fit(size, out, seed, scale, degrees, sigma, mirrored):
    image, mask = a_pair(*size, seed)
    outside = None if mirrored else 255
    settings = {"scale": scale, "degrees": degrees, "sigma": sigma, "jitter": 0.3, "outside": outside}
    new_image, new_mask = Augment(out, generator=chance(seed), **settings)(image, mask)
    assert new_image.shape == (3, *(out or size)) and new_mask.shape == (out or size)
    assert new_image.dtype == torch.uint8 and new_mask.dtype == torch.int64
    assert set(new_mask.unique().tolist()) <= set(mask.unique().tolist()) | (set() if mirrored else {255})


@given(seed=st.integers(0, 9999), sigma=st.floats(1, 12))
def test_picture_mask_and_weight_map_are_bent_by_the_same_field(seed, sigma):
    rows = torch.arange(64.0)[:, None].expand(64, 64)
    image = (rows * 4).to(torch.uint8).expand(3, -1, -1)
    bent, mask, weights = elastic_deformation(image, rows.long(), rows.clone(), sigma=sigma, generator=chance(seed))
    inside = (weights > 1) & (weights < 62)
    assert ((mask.float() - weights).abs()[inside] <= 0.51).all()
    assert ((bent[0].float() / 4 - weights).abs()[inside] < 0.3).all()


def test_displacements_have_the_papers_spread_and_are_smooth():
    fields = torch.stack([elastic_displacements((33, 33), generator=chance(seed)) for seed in range(400)])
    corners = fields[..., 0, 0]
    assert corners.std().item() == pytest.approx(10, rel=0.1) and abs(corners.mean().item()) < 1.5
    assert (fields.diff(dim=-1).abs().amax() < 8) and (fields[:, 0] != fields[:, 1]).any()


def test_the_same_seed_bends_alike_and_another_does_not():
    image, mask = a_pair(40, 40)
    first, again, other = (elastic_deformation(image, mask, generator=chance(seed))[1] for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


@given(size=SIZES, borders=st.tuples(*[st.integers(0, 90)] * 4))
def test_mirrored_borders_of_any_width_repeat_no_edge(size, borders):
    mask = torch.arange(size[0] * size[1]).reshape(size)
    padded = mirror_pad(mask, *borders)
    top, bottom, left, right = borders
    assert padded.shape == (size[0] + top + bottom, size[1] + left + right)
    assert torch.equal(padded[top : top + size[0], left : left + size[1]], mask)
    small = top < size[0] and bottom < size[0] and left < size[1] and right < size[1]
    if small:
        expected = torch.nn.functional.pad(mask[None, None].double(), (left, right, top, bottom), mode="reflect")
        assert torch.equal(padded, expected[0, 0].long())


def test_crops_keep_void_out_where_they_can():
    mask = torch.full((200, 200), 255)
    mask[150:, 150:] = 1
    image = torch.zeros(3, 200, 200, dtype=torch.uint8)
    shares = [
        [
            (random_crop(image, mask, size=(40, 40), legal=legal, generator=chance(seed))[1] != 255).float().mean()
            for seed in range(60)
        ]
        for legal in (0.0, 0.5)
    ]
    assert sum(shares[1]) > 2 * sum(shares[0])


def test_a_crop_larger_than_the_picture_is_mirrored_and_void_outside():
    image, mask = a_pair(20, 20)
    mask[:] = 1
    larger, void = random_crop(image, mask, size=(30, 30))
    assert (void != 255).sum() == 400 and larger.shape == (3, 30, 30)
    rows, columns = torch.where(void == 1)
    assert torch.equal(larger[:, rows.min() : rows.max() + 1, columns.min() : columns.max() + 1], image)


def test_a_second_map_of_classes_is_void_outside_too_and_depth_is_not_recoloured():
    image, mask = a_pair(20, 20)
    mask, stacked = mask.clamp(max=4), torch.cat([image, image])
    larger, void, geometry = Augment(size=(30, 30), flip=0, jitter=0.5)(stacked, mask, mask % 3)
    assert torch.equal(geometry == 255, void == 255) and (geometry == 255).sum() == 500
    plain = Augment(size=(30, 30), flip=0)(stacked, mask)[0]
    assert torch.equal(larger[3:], plain[3:]) and not torch.equal(larger[:3], plain[:3])


@given(seed=st.integers(0, 999))
def test_things_keep_labels_and_tight_boxes(seed):
    image, target = load("stickers", "val").target(seed % 50)
    augment = Augment((120, 100), scale=(0.7, 1.5), degrees=20, sigma=5, generator=chance(seed))
    new_image, new = augment.target(image, target)
    assert new_image.shape == (3, 120, 100) and len(new["boxes"]) == len(new["labels"]) == len(new["masks"])
    assert set(new["labels"].tolist()) <= set(target["labels"].tolist())
    for box, mask in zip(new["boxes"].long().tolist(), new["masks"], strict=True):
        left, top, right, bottom = box
        assert mask[top:bottom, left:right].sum() == mask.sum() > 0
        assert mask[top].any() and mask[bottom - 1].any() and mask[:, left].any() and mask[:, right - 1].any()


def test_things_and_mask_move_together():
    sample = load("stickers", "val").sample(3)
    settings = {"size": (100, 100), "scale": (0.8, 1.4), "degrees": 15.0, "sigma": 6.0, "legal": 0.0}
    target = detection_target(sample.instances, sample.labels)
    _, things = Augment(**settings, generator=chance(5)).target(sample.image, target)
    _, instances = Augment(**settings, generator=chance(5), outside=0)(sample.image, sample.instances)
    expected = detection_target(instances, sample.labels)
    assert torch.equal(things["masks"], expected["masks"]) and torch.equal(things["boxes"], expected["boxes"])


def test_no_thing_in_sight_gives_empty_targets_of_the_right_shape():
    target = {"masks": torch.zeros(1, 50, 50, dtype=torch.uint8), "labels": torch.tensor([3])}
    _, new = Augment((20, 20)).target(torch.zeros(3, 50, 50, dtype=torch.uint8), target)
    assert new["boxes"].shape == (0, 4) and new["masks"].shape == (0, 20, 20) and new["labels"].shape == (0,)


@pytest.mark.parametrize(("bright", "contrast", "saturation"), [(0.7, 1, 1), (1, 0.6, 1), (1, 1, 0.3), (1, 1, 1)])
def test_colour_factors_mean_what_torchvisions_mean(bright, contrast, saturation):
    image = torch.randint(60, 180, (3, 30, 40), dtype=torch.uint8, generator=chance(0))
    expected = functional.adjust_brightness(image, bright)
    expected = functional.adjust_contrast(expected, contrast)
    expected = functional.adjust_saturation(expected, saturation)
    assert (recolour(image, bright, contrast, saturation).int() - expected.int()).abs().max() <= 2


def test_bicubic_displacements_equal_torchs_interpolation():
    coarse = torch.randn(1, 2, 3, 3, generator=chance(4)) * 10
    expected = torch.nn.functional.interpolate(coarse, size=(50, 70), mode="bicubic", align_corners=True)[0]
    assert torch.allclose(elastic_displacements((50, 70), generator=chance(4)), expected, atol=1e-4)


def test_wrong_settings_and_sizes_are_refused():
    with pytest.raises(ValueError, match="same size"):
        elastic_deformation(torch.zeros(3, 8, 8), torch.zeros(8, 9))
    with pytest.raises(ValueError, match="scale"):
        Augment(scale=(0.0, 1.0))
    with pytest.raises(ValueError, match="negative"):
        mirror_pad(torch.zeros(3, 3), -1, 0, 0, 0)


TYPES = ("uint8", "int8", "int16", "int32", "int64", "uint16", "float16", "bfloat16", "float32", "float64")


@pytest.mark.parametrize("outside", [None, 0, 100])
@pytest.mark.parametrize("kind", TYPES)
def test_no_class_is_made_up_whatever_type_holds_a_mask(kind, outside):
    mask = torch.zeros(31, 31, dtype=getattr(torch, kind))
    mask[10:20, 10:20] = 2
    image = torch.randint(0, 255, (3, 31, 31), dtype=torch.uint8, generator=chance(0))
    settings = {"size": (20, 20), "scale": (0.8, 1.6), "degrees": 10, "sigma": 3.0, "outside": outside}
    first = None
    for held in (mask, mask.long()):
        _, moved, again = Augment(**settings, generator=chance(1))(image, held, held.to(torch.uint8))
        assert moved.dtype == held.dtype
        assert set(moved.double().unique().tolist()) <= {0.0, 2.0, float(outside or 0)}
        assert set(again.unique().tolist()) <= {0, 2, outside or 0}, "a further map of whole numbers is labels, too"
        first = moved if first is None else first
    assert torch.equal(first.double(), moved.double())


@pytest.mark.parametrize("kind", [kind for kind in TYPES if not kind.startswith(("float", "bfloat"))])
def test_labels_are_bent_and_never_mixed_whatever_type_holds_them(kind):
    labels = torch.zeros(31, 31, dtype=getattr(torch, kind))
    labels[10:20, 10:20] = 2
    image = torch.zeros(3, 31, 31, dtype=torch.uint8)
    bent = elastic_deformation(image, labels, sigma=4.0, generator=chance(1))[1]
    as_int64 = elastic_deformation(image, labels.long(), sigma=4.0, generator=chance(1))[1]
    assert torch.equal(bent.long(), as_int64) and set(as_int64.unique().tolist()) == {0, 2}
    assert torch.equal(warp(labels, affine_field((31, 31), (40, 40), scale=1.3)).unique().long(), torch.tensor([0, 2]))


@pytest.mark.parametrize("kind", ["bool", "int8"])
def test_a_mask_that_cannot_hold_void_is_refused_not_wrapped(kind):
    mask = torch.ones(9, 9, dtype=getattr(torch, kind))
    with pytest.raises(ValueError, match=f"{kind}, which cannot hold 255 .* mask.long"):
        Augment(scale=(0.5, 0.5))(torch.zeros(3, 9, 9, dtype=torch.uint8), mask)
    assert Augment(scale=(0.5, 0.5), outside=None)(torch.zeros(3, 9, 9, dtype=torch.uint8), mask)[1].all()


def test_what_is_no_tensor_or_of_another_size_is_refused_in_words():
    image = torch.zeros(3, 9, 9, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"ndarray came .* torch\.from_numpy"):
        Augment()(image, np.zeros((9, 9)))
    with pytest.raises(ValueError, match=r"\(3, 9, 9\) beside a mask of \(9, 8\)"):
        Augment()(image, torch.zeros(9, 8))
    with pytest.raises(ValueError, match="jitter=0"):
        Augment(jitter=0.3)(torch.rand(3, 9, 9), torch.zeros(9, 9))


def test_an_interpolated_mask_is_not_advised_to_be_rounded():
    smooth = torch.nn.functional.interpolate(torch.eye(4)[None, None] * 2, size=(9, 9), mode="bilinear")[0, 0]
    with pytest.raises(ValueError, match=r"were they interpolated.*mode='nearest'") as refused:
        check_mask(smooth, 3)
    assert "round" not in str(refused.value)
