"""Mask R-CNN, to be read beside its paper (He, Gkioxari, Dollar, Girshick; section 3; lecture 09).

Find first, then look again, then draw: a pyramid of maps (`FPN`), boxes that might hold a thing (`RPN`), what each
holds and where it ends (`BoxHead`), a mask inside (`MaskHead`). `MaskRCNN` holds the parts together and has no numbers
of its own but those of section 3.1; each part can be another one of the same shape. On strides 8, 16 and 32 alone:

    net = MaskRCNN(
        features=nn.Sequential(backbone("efficientnet_lite0"), FPN((40, 112, 1280), width=64, levels=1)),
        rpn=RPN(64, Anchors(sizes=[(16, 32, 64)], strides=[8])),
        box_pool=RoIPooler([8], size=7),
        box_head=BoxHead(64, size=7, classes=2, width=256),
        mask_pool=RoIPooler([8], size=14),
        mask_head=MaskHead(64, outputs=2, widths=(48, 48)),
        rois=32,
        jittered=3,
    )
    losses = net(images, sizes, targets)
    found = net(images, sizes)

A box is (x1, y1, x2, y2) in pixels; class 0 is the background.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.models.boxes import (
    Anchors,
    batched_nms,
    box_iou,
    clip_boxes,
    decode_boxes,
    encode_boxes,
    jitter_boxes,
    match_boxes,
    refuse_flat,
    sample_matches,
)
from course_utils.models.outline import Outlined
from course_utils.models.rois import RoIPooler, paste_masks, roi_align

BOX_WEIGHTS = (10, 10, 5, 5)  # the box head's deltas are small: these bring them to about the size of 1
BEND = 1 / 9  # where smooth L1 turns from a parabola to a line; 1 in Fast R-CNN, 1/9 in the code of its successors


class FPN(nn.Module):
    """A pyramid of maps that all have seen the coarsest one (Feature Pyramid Networks, section 3, Figure 3).

    From the top down: the coarser map is doubled by repeating cells, the finer one, brought to the same width by a 1x1
    convolution, is added. A 3x3 convolution ends each level.

    Args:
        channels: of the backbone's maps, finest first, one to four of them.
        width: channels of all levels.
        levels: how many levels to give, from the finest on; all when left out. With 1, one map as fine as the finest
            is made of all of them.
        subsampled: add one level more, every second cell of the coarsest: P6, which serves the proposals alone.

    Shape:
        maps (N, channels[i], h_i, w_i) -> levels (N, width, h_i, w_i)
    """

    def __init__(self, channels: Sequence[int], width: int = 256, levels: int | None = None, subsampled: bool = False):
        super().__init__()
        levels = len(channels) if levels is None else levels
        if not 1 <= levels <= len(channels) <= 4:
            raise ValueError(f"{levels} levels of {len(channels)} maps: one to four maps, at most one level of each")
        self.lateral = nn.ModuleList(nn.Conv2d(each, width, kernel_size=1) for each in channels)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, kernel_size=3, padding=1) for _ in range(levels))
        self.subsampled = subsampled

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        laterals = [lateral(each) for lateral, each in zip(self.lateral, maps, strict=True)]
        merged = laterals[-1:]
        for finer in reversed(laterals[:-1]):
            merged.insert(0, finer + functional.interpolate(merged[0], size=finer.shape[-2:], mode="nearest"))
        levels = [smooth(each) for smooth, each in zip(self.smooth, merged, strict=False)]
        return [*levels, levels[-1][..., ::2, ::2]] if self.subsampled else levels


class RPN(nn.Module):
    """Where might there be a thing? The region proposal network (Faster R-CNN, section 3.1).

    A 3x3 convolution, then for each anchor at each cell one score, and four deltas.

    Args:
        channels: of the maps.
        anchors: one set of sizes for each map.
        candidates: how many of the best boxes of each map go into non-maximum suppression.
        proposals: how many of the best boxes of all maps come out of it.
        overlap: the IU above which the better of two proposals suppresses the other.
        sampled: anchors of each picture that the loss counts on, at most half of them on things.
        positive: from this IU on, an anchor belongs to a thing; the best ones of each thing always do.
        negative: under this IU, an anchor is background. Those between count for nothing.
    """

    def __init__(
        self,
        channels: int,
        anchors: Anchors,
        candidates: int = 1000,
        proposals: int = 1000,
        overlap: float = 0.7,
        sampled: int = 256,
        positive: float = 0.7,
        negative: float = 0.3,
    ):
        super().__init__()
        self.anchors, self.candidates, self.proposals, self.overlap = anchors, candidates, proposals, overlap
        self.sampled, self.positive, self.negative = sampled, positive, negative
        self.convolve = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.objectness = nn.Conv2d(channels, anchors.at_each, kernel_size=1)
        self.deltas = nn.Conv2d(channels, 4 * anchors.at_each, kernel_size=1)
        for layer in (self.convolve, self.objectness, self.deltas):  # section 3.1.3
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, maps: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """For each map, with A = h * w * anchors at each cell, as the anchors are ordered.

        Shape:
            maps (N, channels, h, w) -> objectness (N, A), logits; deltas (N, A, 4); anchors (A, 4)
        """
        objectness, deltas = [], []
        for features in maps:
            seen = functional.relu(self.convolve(features))
            objectness.append(self.objectness(seen).permute(0, 2, 3, 1).flatten(1))
            deltas.append(self.deltas(seen).permute(0, 2, 3, 1).reshape(len(seen), -1, 4))
        return objectness, deltas, self.anchors(maps)

    @torch.no_grad()
    def propose(self, objectness, deltas, anchors, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
        """The best boxes of each picture, best first, clipped to it: from what `forward` gives, (R_i, 4) each."""
        proposals = []
        for picture, size in enumerate(sizes):
            boxes, scores, levels = [], [], []
            for level, (some, change, start) in enumerate(zip(objectness, deltas, anchors, strict=True)):
                top, best = some[picture].topk(min(self.candidates, len(start)))
                boxes.append(clip_boxes(decode_boxes(change[picture, best], start[best]), size))
                scores.append(top)
                levels.append(torch.full_like(best, level))
            boxes, scores, levels = torch.cat(boxes), torch.cat(scores), torch.cat(levels)
            real = _at_least(boxes, 1e-3)
            boxes, scores, levels = boxes[real], scores[real], levels[real]
            proposals.append(boxes[batched_nms(boxes, scores, levels, self.overlap)[: self.proposals]])
        return proposals

    def losses(self, objectness, deltas, anchors, truths: Sequence[Tensor], generator=None) -> dict[str, Tensor]:
        """Thing or background, and how far off (Faster R-CNN, section 3.1.2, equation 1).

        Args:
            truths: the true boxes of each picture, (M_i, 4); there may be none.
            generator: draws which anchors count, see `sample_matches`.
        """
        objectness, deltas, anchors = torch.cat(objectness, dim=1), torch.cat(deltas, dim=1), torch.cat(anchors)
        scored, wanted, moved, way = [], [], [], []
        for picture, boxes in enumerate(truths):
            matched = match_boxes(box_iou(anchors, boxes), self.positive, self.negative, keep_best=True)
            positives, negatives = sample_matches(matched, self.sampled, 0.5, generator)
            scored.append(objectness[picture, torch.cat([positives, negatives])])
            wanted.append(torch.cat([torch.ones_like(positives), torch.zeros_like(negatives)]))
            moved.append(deltas[picture, positives])
            way.append(encode_boxes(boxes[matched[positives]], anchors[positives]))
        scored, wanted = torch.cat(scored), torch.cat(wanted).to(objectness.dtype)
        count = max(1, len(scored))
        return {
            "objectness": functional.binary_cross_entropy_with_logits(scored, wanted, reduction="sum") / count,
            "proposals": functional.smooth_l1_loss(torch.cat(moved), torch.cat(way), reduction="sum", beta=BEND)
            / count,
        }


class BoxHead(nn.Module):
    """What is in the box, and where does it really end (Feature Pyramid Networks, section 4.2; Fast R-CNN, 2.3)?

    Two fully connected layers, then a score for each class, and four deltas for each.

    Args:
        channels: of the maps.
        size: of the crops.
        classes: background included.
        width: of the two layers.

    Shape:
        crops (R, channels, size, size) -> logits (R, classes), deltas (R, classes, 4)
    """

    def __init__(self, channels: int, size: int, classes: int, width: int = 1024):
        super().__init__()
        if classes < 2:
            raise ValueError(f"classes={classes}: at least background and one kind of thing")
        self.classes = classes
        self.read = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * size**2, width),
            nn.ReLU(inplace=True),
            nn.Linear(width, width),
            nn.ReLU(inplace=True),
        )
        self.score = nn.Linear(width, classes)
        self.deltas = nn.Linear(width, 4 * classes)
        for layer, spread in ((self.score, 0.01), (self.deltas, 0.001)):  # small at first, as the RPN's
            nn.init.normal_(layer.weight, std=spread)
            nn.init.zeros_(layer.bias)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.read(crops)
        return self.score(seen), self.deltas(seen).view(len(crops), self.classes, 4)

    def losses(
        self, logits: Tensor, deltas: Tensor, labels: Tensor, boxes: Tensor, truths: Tensor
    ) -> dict[str, Tensor]:
        """The class of each box, and the deltas of its class where there is a thing (Fast R-CNN, section 2.3).

        Shape:
            logits (R, classes), deltas (R, classes, 4), labels (R,), 0 for background and the P things first;
            boxes (P, 4) and the true ones (P, 4) of these
        """
        count = max(1, len(labels))
        things = torch.arange(len(boxes), device=labels.device)
        way = encode_boxes(truths, boxes, BOX_WEIGHTS)
        moved = deltas[things, labels[things]]
        return {
            "classes": functional.cross_entropy(logits, labels, reduction="sum") / count,
            "boxes": functional.smooth_l1_loss(moved, way, reduction="sum", beta=BEND) / count,
        }


class MaskHead(nn.Module):
    """Draw the thing in the box: convolutions, one doubling of the size, a map for each class (section 3, Figure 4).

    Each class has its own sigmoid, and only the true class's map is trained: classes do not compete for pixels, what
    the thing is has been decided by the box head.

    Args:
        channels: of the maps.
        outputs: classes, background included (whose map nobody trains); or 1, class-agnostic, one map for any thing.
        widths: channels of the 3x3 convolutions; the last is that of the transposed one, too.

    Shape:
        crops (R, channels, m, m) -> logits (R, outputs, 2 * m, 2 * m)
    """

    def __init__(self, channels: int, outputs: int, widths: Sequence[int] = (256, 256, 256, 256)):
        super().__init__()
        layers = []
        for before, after in zip((channels, *widths), widths, strict=False):
            layers += [nn.Conv2d(before, after, kernel_size=3, padding=1), nn.ReLU(inplace=True)]
        width = (channels, *widths)[-1]
        layers += [nn.ConvTranspose2d(width, width, kernel_size=2, stride=2), nn.ReLU(inplace=True)]
        self.convolve = nn.Sequential(*layers)
        self.score = nn.Conv2d(width, outputs, kernel_size=1)
        for layer in self.convolve:
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(layer.bias)
        nn.init.normal_(self.score.weight, std=0.001)  # unsure at first: a few hundred steps are too few to unlearn
        nn.init.zeros_(self.score.bias)

    def forward(self, crops: Tensor) -> Tensor:
        return self.score(self.convolve(crops))

    def of_class(self, maps: Tensor, labels: Tensor) -> Tensor:
        """The map of each thing's class, or the one that serves all: (R, outputs, M, M), (R,) -> (R, M, M)."""
        channels = labels if maps.shape[1] > 1 else torch.zeros_like(labels)
        return maps[torch.arange(len(maps), device=maps.device), channels]

    def probabilities(self, logits: Tensor, labels: Tensor) -> Tensor:
        """How sure each pixel is to belong to the thing: (R, outputs, M, M), (R,) -> (R, M, M)."""
        return self.of_class(logits, labels).sigmoid()

    def loss(self, logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
        """The mean binary cross-entropy of the true classes' maps (section 3); 0 where there is no thing.

        Shape:
            logits (P, outputs, M, M), labels (P,), targets (P, M, M), the share of each cell that is the thing's
        """
        drawn = self.of_class(logits, labels)
        return functional.binary_cross_entropy_with_logits(drawn, targets, reduction="sum") / max(1, drawn.numel())


class SoftmaxMaskHead(MaskHead):
    """A mask head in which the classes compete for each pixel, background among them: what Table 2b advises against."""

    def probabilities(self, logits: Tensor, labels: Tensor) -> Tensor:
        return self.of_class(logits.softmax(dim=1), labels)

    def loss(self, logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
        wanted = torch.where(targets >= 0.5, labels[:, None, None], 0)
        return functional.cross_entropy(logits, wanted, reduction="sum") / max(1, wanted.numel())


class MaskRCNN(Outlined):
    """The parts together: two answers to a picture, what it would lose in training and what it finds (section 3).

    Args:
        features: from the inputs, pictures or maps kept of them, to a list of maps.
        rpn: from maps to proposals.
        box_pool, box_head: from proposals to crops, from crops to classes and deltas.
        mask_pool, mask_head: from boxes to crops, from crops to masks.
        rois: how many proposals of each picture the heads learn from, at most one in four of them on a thing.
        jittered: while training, so many moved copies of each true box are put among the proposals, beside the true
            box itself: a net that begins does not yet propose boxes in which a mask could be learned.
        surest: how sure a box must be of its class to be kept.
        overlap: the IU above which the better of two boxes of one class suppresses the other.
        most: how many things a picture can have; the masks of these are drawn.
    """

    def __init__(
        self,
        features: nn.Module,
        rpn: RPN,
        box_pool: RoIPooler,
        box_head: BoxHead,
        mask_pool: RoIPooler,
        mask_head: MaskHead,
        rois: int = 512,
        jittered: int = 0,
        surest: float = 0.05,
        overlap: float = 0.5,
        most: int = 100,
    ):
        super().__init__()
        self.features, self.rpn = features, rpn
        self.box_pool, self.box_head, self.mask_pool, self.mask_head = box_pool, box_head, mask_pool, mask_head
        self.rois, self.jittered = rois, jittered
        self.surest, self.overlap, self.most = surest, overlap, most

    def forward(
        self,
        inputs,
        sizes: Sequence[tuple[int, int]],
        targets: Sequence[dict[str, Tensor]] | None = None,
        generator: torch.Generator | None = None,
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """The five losses where targets are given, otherwise what is found in each picture.

        Args:
            inputs: what `features` takes: pictures (N, 3, H, W), normalised, or the maps kept of them.
            sizes: height and width of each picture, in pixels; smaller than H, W where pictures were padded at the
                right and below.
            targets: for each picture boxes (M, 4), labels (M,) from 1 on, masks (M, H, W), as `detection_target`
                gives them; M may be 0, a picture of background.
            generator: draws the anchors and proposals that count (on the CPU); torch's own when left out.

        Returns:
            "objectness", "proposals", "classes", "boxes", "masks": losses to be added up; or for each picture, best
            first, boxes (K, 4), labels (K,), scores (K,), masks (K, H, W) bool, and drawn (K, M, M), the masks in
            their boxes as they come out of the head, 0 to 1

        Raises:
            ValueError: for sizes or targets of another number than pictures, targets that are none (see
                `check_target`), deltas that are NaN.
        """
        if targets is not None:
            if len(targets) != len(sizes):
                raise ValueError(f"{len(targets)} targets for {len(sizes)} pictures: one for each")
            for number, (target, size) in enumerate(zip(targets, sizes, strict=True)):
                check_target(target, size, self.box_head.classes, name=f"picture {number}")
        maps = self.features(inputs)
        if len(maps[0]) != len(sizes):
            raise ValueError(f"{len(sizes)} sizes for {len(maps[0])} pictures: (height, width) of each")
        seen = self.rpn(maps)
        proposals = self.rpn.propose(*seen, sizes)
        if targets is None:
            return self.find(maps, proposals, sizes)
        losses = self.rpn.losses(*seen, [target["boxes"] for target in targets], generator)
        return losses | self.losses(maps, proposals, sizes, targets, generator)

    def losses(self, maps, proposals, sizes, targets, generator=None) -> dict[str, Tensor]:
        """What the heads lose: classes, boxes and masks, each on a sample of the proposals of each picture."""
        drawn = [
            self.sample(some, size, target, generator)
            for some, size, target in zip(proposals, sizes, targets, strict=True)
        ]
        things = [boxes[: len(matched)] for boxes, matched in drawn]
        others = [boxes[len(matched) :] for boxes, matched in drawn]
        matched = [numbers for _, numbers in drawn]
        labels = torch.cat([target["labels"][some] for target, some in zip(targets, matched, strict=True)])
        true = torch.cat([target["boxes"][some] for target, some in zip(targets, matched, strict=True)])
        background = labels.new_zeros(sum(map(len, others)))
        crops = torch.cat([self.box_pool(maps, things), self.box_pool(maps, others)])
        losses = self.box_head.losses(*self.box_head(crops), torch.cat([labels, background]), torch.cat(things), true)
        logits = self.mask_head(self.mask_pool(maps, things))
        wanted = [
            roi_align(target["masks"][:, None].to(logits.dtype), boxes, some, size=logits.shape[-1])[:, 0]
            for target, boxes, some in zip(targets, things, matched, strict=True)
        ]
        return losses | {"masks": self.mask_head.loss(logits, labels, torch.cat(wanted))}

    @torch.no_grad()
    def sample(self, proposals, size, target, generator=None) -> tuple[Tensor, Tensor]:
        """Boxes of one picture to learn from, those on things first, and which thing these belong to: (R, 4), (P,)."""
        true = target["boxes"].to(proposals.dtype)
        jittered = clip_boxes(jitter_boxes(true, self.jittered, generator=generator), size)
        boxes = torch.cat([proposals, true, jittered[_at_least(jittered, 1e-3)]])
        matched = match_boxes(box_iou(boxes, true), positive=0.5)
        positives, negatives = sample_matches(matched, self.rois, 0.25, generator)
        return boxes[torch.cat([positives, negatives])], matched[positives]

    @torch.no_grad()
    def find(self, maps, proposals, sizes) -> list[dict[str, Tensor]]:
        """In the paper's order: boxes, non-maximum suppression, masks in the best of them (section 3.1, Inference)."""
        logits, deltas = self.box_head(self.box_pool(maps, proposals))
        counts = [len(some) for some in proposals]
        refined = decode_boxes(deltas, torch.cat(list(proposals))[:, None], BOX_WEIGHTS).split(counts)
        sure = logits.softmax(dim=-1).split(counts)
        found = [self.choose(*each) for each in zip(refined, sure, sizes, strict=True)]
        labels = torch.cat([each["labels"] for each in found])
        crops = self.mask_pool(maps, [each["boxes"] for each in found])
        drawn = self.mask_head.probabilities(self.mask_head(crops), labels)
        for each, some, size in zip(found, drawn.split([len(each["labels"]) for each in found]), sizes, strict=True):
            each["drawn"] = some
            each["masks"] = paste_masks(some, each["boxes"], size) > 0.5
        return found

    def choose(self, boxes: Tensor, sure: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
        """The things of one picture: of each class the boxes that are sure of it, suppressed, the best of all classes.

        Shape:
            boxes (R, classes, 4), one for each class, sure (R, classes) -> boxes (K, 4), labels (K,), scores (K,)
        """
        boxes, scores = clip_boxes(boxes, size)[:, 1:].flatten(0, 1), sure[:, 1:]
        labels = torch.arange(1, sure.shape[1], device=scores.device).expand_as(scores).flatten()
        scores = scores.flatten()
        kept = (scores > self.surest) & _at_least(boxes, 1e-2)
        boxes, labels, scores = boxes[kept], labels[kept], scores[kept]
        best = batched_nms(boxes, scores, labels, self.overlap)[: self.most]
        return {"boxes": boxes[best], "labels": labels[best], "scores": scores[best]}


def check_target(target: dict[str, Tensor], size: tuple[int, int], classes: int, name: str = "the picture") -> None:
    """Refuse a picture's truth that no net can learn from. No thing at all is legal: a picture of background.

    Raises:
        ValueError: for boxes, labels and masks of different number, masks of another size than the picture, a thing
            without a pixel, a box without width or height, a label that is no class of a thing.
    """
    boxes, labels, masks = (target[key] for key in ("boxes", "labels", "masks"))
    if boxes.shape != (len(labels), 4) or masks.ndim != 3 or len(masks) != len(labels):
        raise ValueError(
            f"{name} has boxes {tuple(boxes.shape)}, labels {tuple(labels.shape)} and masks {tuple(masks.shape)}: "
            "(M, 4), (M,) and (M, H, W) for M things; without any, (0, 4), (0,) and (0, H, W)"
        )
    if tuple(masks.shape[1:]) != tuple(size):
        raise ValueError(
            f"{name} has masks of {masks.shape[1]}x{masks.shape[2]}, but is {size[0]}x{size[1]} itself: was it resized "
            "without its masks?"
        )
    wrong = labels[(labels < 1) | (labels >= classes)].tolist()
    if wrong:
        raise ValueError(
            f"{name} has a thing of class {wrong[0]}: this net's things are 1 to {classes - 1}, 0 is background"
        )
    empty = torch.where(~(masks != 0).flatten(1).any(dim=1))[0].tolist()
    if empty:
        raise ValueError(f"thing {empty[0]} of {name} has no pixel: leave it out, as `detection_target` does")
    refuse_flat(boxes, f"in {name}, the box of thing")


def _at_least(boxes: Tensor, side: float) -> Tensor:
    """Which boxes are so wide and so high: a clipped box may have nothing left."""
    return (boxes[:, 2:] - boxes[:, :2] >= side).all(dim=-1)
