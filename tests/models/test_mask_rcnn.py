"""Mask R-CNN equals torchvision's, learns a small picture by heart, takes one of background, refuses what is no truth."""

import copy
from functools import partial

import pytest
import torch
from torch import nn
from torchvision.models.detection import maskrcnn_resnet50_fpn
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from course_utils.data.dataset import detection_target
from course_utils.models.boxes import Anchors
from course_utils.models.mask_rcnn import FPN, RPN, BoxHead, MaskHead, MaskRCNN, SoftmaxMaskHead, check_target
from course_utils.models.plain_backbone import PlainBackbone
from course_utils.models.rois import RoIPooler, paste_masks, roi_align
from tests.models.test_rois import as_torchvision_places

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


@pytest.mark.notebooks
@pytest.mark.parametrize(("mask_head", "outputs"), [(MaskHead, 3), (MaskHead, 1), (SoftmaxMaskHead, 3)])
def test_a_net_learns_a_small_picture_by_heart(mask_head, outputs):
    net, (image, target) = small_net(mask_head, outputs), scene()
    random = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(net.parameters())
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=90)
    totals = []
    for _ in range(90):
        losses = net(image, SIZES, [target], random)
        assert set(losses) == {"objectness", "proposals", "classes", "boxes", "masks"}
        total = sum(losses.values())
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5)
        optimizer.step()
        rate.step()
        totals.append(total.item())
    # over seeds and threads the loss falls to between a quarter and a tenth, the masks reach 0.67 to 0.98: rounding decides where
    assert sum(totals[-5:]) / 5 < totals[0] / 2
    (found,) = net.eval()(image, SIZES)
    for thing, label in enumerate(target["labels"].tolist()):
        best = int(torch.where(found["labels"] == label)[0][0])
        true, drawn = target["masks"][thing] > 0, found["masks"][best]
        assert (true & drawn).sum() / (true | drawn).sum() > 0.5  # COCO calls it found from here on


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


class Body(nn.Module):
    """torchvision's ResNet-50 without its pyramid: four maps, finest first."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, images):
        return list(self.body(images).values())


@pytest.fixture(scope="module")
def twins():
    """torchvision's Mask R-CNN with weights from a seed, ours with the same ones, tensor by tensor, and two pictures.

    Where torchvision departs from the paper, ours is put together so that it does, too: anchors are rounded and sit in
    the corners of their cells, RoIAlign is half a cell off. Both compute in double precision: in single, of some
    thousand overlaps one or two lie so near a threshold that the last bit decides. The pictures' sides are multiples of 64, or
    torchvision divides them by the number of cells and gets strides of 53.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = maskrcnn_resnet50_fpn(
            weights=None,
            weights_backbone=None,
            num_classes=4,
            min_size=128,
            max_size=192,
            image_mean=[0, 0, 0],
            image_std=[1, 1, 1],
            rpn_pre_nms_top_n_train=300,
            rpn_pre_nms_top_n_test=300,
            rpn_post_nms_top_n_train=200,
            rpn_post_nms_top_n_test=200,
            box_detections_per_img=20,
            rpn_batch_size_per_image=10**6,  # every anchor and every RoI: no chance
            box_batch_size_per_image=10**6,
        )
        theirs = theirs.double().eval()
        images = torch.rand(2, 3, 128, 192, dtype=torch.float64)
        heads = theirs.roi_heads
        # untrained heads say about the same everywhere: louder ones have opinions, whose order can be compared
        for layer in (theirs.rpn.head.cls_logits, theirs.rpn.head.bbox_pred, heads.box_predictor.bbox_pred):
            nn.init.normal_(layer.weight, std=0.05)
        nn.init.normal_(heads.mask_predictor.mask_fcn_logits.weight, std=0.1)
        normalisations = [part for part in theirs.modules() if isinstance(part, nn.BatchNorm2d)]
        for part in normalisations:
            part.train().momentum = 1.0
        theirs.backbone(images)  # statistics of these pictures, or activations grow from block to block
        theirs.eval()
        score, said = heads.box_predictor.cls_score, []
        hook = score.register_forward_hook(lambda layer, given, logits: said.append(logits))
        with torch.no_grad():
            theirs(list(images))
            hook.remove()
            louder = 2 / said[0].std(dim=0).mean()
            score.weight *= louder
            score.bias.copy_(-louder * (said[0] - score.bias).mean(dim=0))  # or one class wins everywhere
    strides = (4, 8, 16, 32)
    unaligned = partial(roi_align, aligned=False)
    ours = MaskRCNN(
        features=nn.Sequential(Body(copy.deepcopy(theirs.backbone.body)), FPN((256, 512, 1024, 2048), subsampled=True)),
        rpn=RPN(
            256,
            Anchors([(32,), (64,), (128,), (256,), (512,)], (*strides, 64), offset=0, rounded=True),
            candidates=300,
            proposals=200,
            sampled=10**6,
        ),
        box_pool=RoIPooler(strides, 7, unaligned),
        box_head=BoxHead(256, 7, classes=4),
        mask_pool=RoIPooler(strides, 14, unaligned),
        mask_head=MaskHead(256, outputs=4),
        rois=10**6,
        most=20,
    )
    ours = ours.double().eval()
    given = theirs.state_dict().values()
    ours.load_state_dict(dict(zip(ours.state_dict(), given, strict=True)))
    return theirs, ours, images


@pytest.mark.notebooks
@torch.no_grad()
def test_the_whole_net_finds_what_torchvisions_finds_in_the_same_order(twins):
    theirs, ours, images = twins
    sizes = [(128, 192)] * 2
    prepared, _ = theirs.transform(list(images))
    assert torch.equal(prepared.tensors, images)  # neither resized nor padded
    expected_proposals, _ = theirs.rpn(prepared, theirs.backbone(images))
    proposals = ours.rpn.propose(*ours.rpn(ours.features(images)), sizes)
    for mine, other in zip(proposals, expected_proposals, strict=True):
        assert len(mine) > 100
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-3)
    for mine, other in zip(ours(images, sizes), theirs(list(images)), strict=True):
        assert len(mine["labels"]) == 20 and len(mine["labels"].unique()) == 3
        assert torch.equal(mine["labels"], other["labels"])
        assert mine["drawn"].std() > 0.05
        torch.testing.assert_close(mine["scores"], other["scores"], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(mine["boxes"], other["boxes"], rtol=1e-4, atol=1e-3)
        # theirs pastes into rounded boxes: of the same boxes, so that no rounding differs
        pasted = paste_masks_in_image(mine["drawn"][:, None], other["boxes"], (128, 192))
        torch.testing.assert_close(pasted, other["masks"], rtol=1e-4, atol=1e-4)
        placed = paste_masks(mine["drawn"], as_torchvision_places(other["boxes"], 28), (128, 192))
        torch.testing.assert_close(placed[:, None], other["masks"], rtol=1e-4, atol=1e-4)


def test_the_five_losses_are_torchvisions(twins):
    theirs, ours, images = twins
    boxes = torch.tensor([[10, 12, 60, 80], [50, 30, 140, 100], [90, 70, 120, 126]], dtype=torch.float64)
    # masks that fill the picture: what is cut out of them is full however it is cut
    target = {"boxes": boxes, "labels": torch.tensor([1, 3, 2]), "masks": torch.ones(3, 128, 192, dtype=torch.uint8)}
    nothing = {"boxes": boxes[:0], "labels": target["labels"][:0], "masks": target["masks"][:0]}
    try:
        theirs.train()  # torchvision gives losses only then
        theirs.backbone.eval()
        with torch.no_grad():
            expected = theirs(list(images), [target, nothing])
            found = ours(images, [(128, 192)] * 2, [target, nothing])
    finally:
        theirs.eval()
    names = {
        "objectness": "loss_objectness",
        "proposals": "loss_rpn_box_reg",
        "classes": "loss_classifier",
        "boxes": "loss_box_reg",
        "masks": "loss_mask",
    }
    assert set(found) == set(names)
    for mine, other in names.items():
        torch.testing.assert_close(found[mine].double(), expected[other].double(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_pyramid_is_torchvisions(count):
    channels = (8, 16, 24, 32)[:count]
    maps = [torch.randn(2, each, 40 // 2**level, 56 // 2**level) for level, each in enumerate(channels)]
    theirs = FeaturePyramidNetwork(list(channels), 12, LastLevelMaxPool())
    ours = FPN(channels, 12, subsampled=True)
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    expected = theirs({str(level): each for level, each in enumerate(maps)}).values()
    for mine, other in zip(ours(maps), expected, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)
    one = FPN(channels, 12, levels=1)
    one.load_state_dict({name: value for name, value in ours.state_dict().items() if name in one.state_dict()})
    (finest,) = one(maps)
    torch.testing.assert_close(finest, ours(maps)[0])


def test_a_class_agnostic_head_draws_the_same_for_any_class_and_softmax_lets_classes_compete():
    logits, labels = torch.randn(5, 1, 8, 8), torch.tensor([1, 2, 1, 2, 1])
    head = MaskHead(4, outputs=1, widths=(4,))
    assert torch.equal(head.probabilities(logits, labels), logits[:, 0].sigmoid())
    logits = torch.randn(5, 3, 8, 8)
    competing = SoftmaxMaskHead(4, outputs=3, widths=(4,))
    shares = sum(competing.probabilities(logits, torch.full((5,), label)) for label in range(3))
    torch.testing.assert_close(shares, torch.ones(5, 8, 8))
    # the true class's map alone is trained by sigmoids, all of them by softmax
    for head, trained in ((MaskHead(4, outputs=3, widths=(4,)), 1), (competing, 3)):
        logits = torch.randn(1, 3, 8, 8, requires_grad=True)
        head.loss(logits, torch.tensor([2]), torch.ones(1, 8, 8)).backward()
        assert (logits.grad.abs().sum(dim=(0, 2, 3)) > 0).sum() == trained


def test_pictures_padded_to_one_size_are_cut_at_their_own():
    net = small_net().eval()
    found = net(torch.zeros(2, 3, 64, 64), [(64, 64), (40, 48)])
    assert [each["masks"].shape[1:] for each in found] == [(64, 64), (40, 48)]
    assert (found[1]["boxes"] <= torch.tensor([48, 40, 48, 40])).all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: small_net()(torch.zeros(2, 3, 64, 64), SIZES), "1 sizes for 2 pictures"),
        (lambda: small_net()(scene()[0], SIZES, []), "0 targets for 1 pictures"),
        (lambda: small_net()(scene()[0] * float("nan"), SIZES), "NaN"),
        (lambda: FPN((8, 16), levels=3), "3 levels of 2 maps"),
        (lambda: BoxHead(8, 7, classes=1), "classes=1"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(wrong, said):
    with pytest.raises(ValueError, match=said):
        wrong()
