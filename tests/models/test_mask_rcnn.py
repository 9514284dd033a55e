"""Mask R-CNN learns a small picture by heart, takes a picture of background, and refuses what is no truth."""

import pytest
import torch
from torch import nn

from course_utils.data.dataset import detection_target
from course_utils.models.boxes import Anchors
from course_utils.models.mask_rcnn import FPN, RPN, BoxHead, MaskHead, MaskRCNN, SoftmaxMaskHead, check_target
from course_utils.models.plain_backbone import PlainBackbone
from course_utils.models.rois import RoIPooler

SIZES = [(64, 64)]


def small_net(mask_head=MaskHead, outputs=3):
    """One map at stride 8 made of strides 8, 16 and 32; small heads."""
    torch.manual_seed(0)
    backbone = PlainBackbone(channels=3, width=4)
    return MaskRCNN(
        features=nn.Sequential(backbone, FPN(backbone.channels, width=32, levels=1)),
        rpn=RPN(32, Anchors([(16, 32)], [8]), candidates=100, proposals=50),
        box_pool=RoIPooler([8], size=7),
        box_head=BoxHead(32, size=7, classes=3, width=64),
        mask_pool=RoIPooler([8], size=14),
        mask_head=mask_head(32, outputs, widths=(32, 32)),
        rois=32,
        jittered=3,
    )


def scene():
    instances = torch.zeros(64, 64, dtype=torch.int64)
    instances[8:30, 6:34], instances[28:58, 26:52] = 1, 2
    image = torch.stack([instances == 1, instances == 2, instances == 0]).float()[None]
    return image, detection_target(instances, torch.tensor([1, 2]))


@pytest.mark.parametrize(("mask_head", "outputs"), [(MaskHead, 3), (MaskHead, 1), (SoftmaxMaskHead, 3)])
def test_a_net_learns_a_small_picture_by_heart(mask_head, outputs):
    net, (image, target) = small_net(mask_head, outputs), scene()
    random = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3)
    totals = []
    for _ in range(90):
        losses = net(image, SIZES, [target], random)
        assert set(losses) == {"objectness", "proposals", "classes", "boxes", "masks"}
        total = sum(losses.values())
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5)
        optimizer.step()
        totals.append(total.item())
    assert sum(totals[-5:]) / 5 < totals[0] / 5
    (found,) = net.eval()(image, SIZES)
    for thing, label in enumerate(target["labels"].tolist()):
        best = int(torch.where(found["labels"] == label)[0][0])
        true, drawn = target["masks"][thing] > 0, found["masks"][best]
        assert (true & drawn).sum() / (true | drawn).sum() > 0.6


def test_a_picture_without_a_thing_trains_without_nan():
    net, (image, _) = small_net(), scene()
    target = detection_target(torch.zeros(64, 64, dtype=torch.int64))
    losses = net(image, SIZES, [target])
    sum(losses.values()).backward()
    assert all(loss.isfinite() for loss in losses.values()) and losses["masks"] == losses["boxes"] == 0
    assert all(part.grad is None or part.grad.isfinite().all() for part in net.parameters())


def test_the_same_seed_draws_the_same_losses():
    net, (image, target) = small_net(), scene()

    def once(seed):
        return sum(net(image, SIZES, [target], torch.Generator().manual_seed(seed)).values()).item()

    assert once(0) == once(0) != once(1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"masks": torch.zeros(2, 64, 64)}, "thing 0 of the picture has no pixel"),
        ({"masks": torch.ones(2, 32, 32)}, "masks of 32x32, but is 64x64"),
        ({"labels": torch.tensor([1, 3])}, "class 3: this net's things are 1 to 2"),
        ({"labels": torch.tensor([1])}, "labels"),
        ({"boxes": torch.tensor([[6.0, 8, 34, 30], [26, 28, 26, 58]])}, "box of thing 1 reaches"),
    ],
)
def test_a_truth_that_is_none_is_refused_in_words(change, said):
    with pytest.raises(ValueError, match=said):
        check_target(scene()[1] | change, (64, 64), classes=3)
