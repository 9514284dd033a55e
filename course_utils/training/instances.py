"""Mask R-CNN in training: pictures with numbered things in, five losses out, AP at the end (lecture 09).

board = thing_board(run)                # pictures of lecture 09, their maps kept
net, history = train_thing_net(board, run)
found = evaluate_things(net, board.val)
found.masks.ap50, found.boxes.ap50, found.instances.matched_share[0.5]
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import torch
import torch.utils.data
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from course_utils.data.dataset import Dataset, detection_target, load
from course_utils.data.transforms import Augment
from course_utils.inference.things import at_short_side, find_things, label_image
from course_utils.metrics.instances import AveragePrecision, InstanceScores, coco_ap, score_instances
from course_utils.models.backbones import Backbone, backbone
from course_utils.models.boxes import Anchors
from course_utils.models.imagenet import imagenet_weights, normalise, resize
from course_utils.models.mask_rcnn import FPN, RPN, BoxHead, MaskHead, MaskRCNN
from course_utils.models.rois import RoIPooler, paste_masks, roi_align
from course_utils.training.cells import rounded, stretched
from course_utils.training.kept_maps import UpperBackbone, lower_maps
from course_utils.training.kept_nets import train_or_load
from course_utils.training.loop import train
from course_utils.training.made_of import describe, digest, made_of
from course_utils.training.processes import Run
from course_utils.training.progress import History, facts_of
from course_utils.training.saving import keep_results
from course_utils.training.settings import Settings, fix_lower, freeze, tuples


class ThingPictures(torch.utils.data.Dataset):
    """Pictures with a number and a class in each pixel of a thing, as `ToldNet` learns from them (lecture 09).

    Two maps, not a list of masks: they are cut, turned and mirrored with the picture, and pictures with any number of
    things make a batch. What was cut away has no pixel left, and is no thing any more.

    Args:
        dataset: pictures whose masks hold instances.
        augment: moves the picture and both maps alike; its `outside` is taken as 0, background, and the picture is
            black there: mirrored things that nobody numbered would be taught to be background.
        short: pixels that the short side of each picture is resized to before; 0 leaves it as it is.
        one_class: all things are of one class, "thing".
        stretch: grey, with its contrast stretched: pictures of cells (see `stretched`).

    Shape:
        pictures[i]: image (3, h, w) uint8, instances (h, w) int64, 0 for background, classes (h, w) int64 likewise

    Raises:
        ValueError: for a data set that does not tell one thing from another.
    """

    def __init__(
        self,
        dataset: Dataset,
        augment: Augment | None = None,
        short: int = 0,
        one_class: bool = False,
        stretch: bool = False,
    ):
        self.dataset, self.short, self.one_class, self.stretch = dataset, short, one_class, stretch
        self.augment = augment and replace(augment, outside=0, legal=0.0)
        self.name, self.split, self.items = dataset.name, dataset.split, dataset.items
        self.classes = ["background", "thing"] if one_class else list(dataset.classes)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        image, instances, classes = self.whole(index)
        if self.short:
            size = at_short_side(tuple(image.shape[-2:]), self.short)
            maps = torch.stack([instances, classes]).double()[None]
            instances, classes = functional.interpolate(maps, size, mode="nearest-exact")[0].long()
            image = resize(image, size)
        if self.augment:
            inside = torch.ones_like(instances)
            image, instances, classes, inside = self.augment(image, instances, classes, inside)
            image = image * inside.to(torch.uint8)
        return image, instances, classes

    def subset(self, indices: Sequence[int]) -> "ThingPictures":
        """Some of the pictures, in the given order."""
        some = copy(self)
        some.dataset = self.dataset.subset(indices)
        some.items = some.dataset.items
        return some

    def whole(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        """A picture and its two maps at the size that they have, not augmented."""
        sample = self.dataset.sample(index)
        if sample.instances is None:
            name = self.dataset.name
            raise ValueError(f"'{name}' has classes but no instances: it does not tell one thing from another")
        labels = sample.labels
        if labels is None:
            labels = torch.ones(int(sample.instances.max()), dtype=torch.int64)
        instances = torch.where(sample.instances <= len(labels), sample.instances, 0)  # what is higher is void
        if self.one_class:
            labels = torch.ones_like(labels)
        classes = torch.cat([labels.new_zeros(1), labels])[instances]
        return stretched(sample.image) if self.stretch else sample.image, instances, classes


def target_of(instances: Tensor, classes: Tensor) -> dict[str, Tensor]:
    """Boxes, labels and masks out of the two maps of `ThingPictures`; see `detection_target`.

    Shape:
        (H, W) int64, (H, W) int64 -> boxes (M, 4), labels (M,), masks (M, H, W), area (M,), iscrowd (M,)
    """
    labels = classes.new_zeros(int(instances.max()) + 1)
    labels[instances.flatten()] = classes.flatten()  # all pixels of a thing say the same
    target = detection_target(instances, labels[1:])
    return {name: value.to(instances.device) for name, value in target.items()}


class ToldNet(nn.Module):
    """A Mask R-CNN as `train` calls it: told what is true, it gives its five losses.

    Which anchors and proposals count is drawn from torch's own random numbers, which `train` sets anew at each step,
    so that a training that was broken off goes on to the bit.

    Shape:
        what the net takes, instances (N, H, W), classes (N, H, W) -> five scalars by name
    """

    takes_targets = True

    def __init__(self, net: MaskRCNN):
        super().__init__()
        self.net = net

    def forward(self, inputs: Tensor, instances: Tensor, classes: Tensor) -> dict[str, Tensor]:
        targets = [target_of(*each) for each in zip(instances, classes, strict=True)]
        return self.net(inputs, [tuple(each.shape) for each in instances], targets)


def five_losses(losses: dict[str, Tensor], *targets: Tensor) -> Tensor:
    """The sum of what a Mask R-CNN loses (section 3, multi-task loss); all five weigh the same."""
    return sum(losses.values())


class KeptThings(torch.utils.data.Dataset):
    """`ThingPictures` whose pictures have been through the frozen layers of EfficientNet-Lite0 once (see `KeptMaps`).

    Args:
        backbone: EfficientNet-Lite0; run here without gradients.
        pictures: of one size, a multiple of 32, not augmented.
        begun: what was kept of the first pictures already; only the others are run.

    Shape:
        kept[i]: (planes, H / 8, W / 8) float32, for an `UpperBackbone`; instances and classes (H, W)
    """

    batch = 20  # pictures that are run together

    def __init__(self, backbone: Backbone, pictures: ThingPictures, begun: "KeptThings | None" = None):
        self.pictures = pictures
        self.name, self.split, self.items = f"{pictures.name}, kept maps", pictures.split, pictures.items
        self.classes = pictures.classes
        maps, truths = ([begun.maps], [begun.truths]) if begun else ([], [])
        starts = range(len(begun) if begun else 0, len(pictures), self.batch)
        for start in tqdm(starts, desc=f"{pictures.split} pictures through the lower layers", leave=False):
            some = [pictures[index] for index in range(start, min(start + self.batch, len(pictures)))]
            maps.append(lower_maps(backbone, torch.stack([image for image, *_ in some]), every=8))
            truths.append(torch.stack([torch.stack(each) for _, *each in some]).short())
        self.maps, self.truths = torch.cat(maps), torch.cat(truths)

    def __len__(self) -> int:
        return len(self.truths)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        return self.maps[index], *self.truths[index].long()


def lite_net(
    maps: nn.Module,
    classes: int,
    width: int = 64,
    sizes: Sequence[float] = (16, 32, 64),
    crop: int = 14,
    pool: Callable[..., Tensor] = roi_align,
    mask_head: type[MaskHead] = MaskHead,
    **settings,
) -> MaskRCNN:
    """A Mask R-CNN for two cores: one level at stride 8 made of strides 8, 16 and 32, small heads, few RoIs (lecture 09).

    True boxes, jittered, are among the proposals: a net that is to draw after a hundred steps cannot wait for boxes.

    Args:
        maps: gives three maps and says their `channels`; a `Backbone`, or what stands on kept maps.
        classes: background included.
        width: channels of the level.
        sizes: of the anchors in pixels.
        crop: cells across what the mask head sees of a box; it draws twice as many.
        pool: `roi_align` or `roi_pool`, for boxes and masks.
        mask_head: `MaskHead` or `SoftmaxMaskHead`.
        settings: of `MaskRCNN`, such as rois.
    """
    return MaskRCNN(
        features=nn.Sequential(OrderedDict(backbone=maps, pyramid=FPN(maps.channels, width, levels=1))),
        rpn=RPN(width, Anchors([tuple(sizes)], [8]), candidates=300, proposals=100, sampled=128),
        box_pool=RoIPooler([8], size=7, pool=pool),
        box_head=BoxHead(width, size=7, classes=classes, width=256),
        mask_pool=RoIPooler([8], size=crop, pool=pool),
        mask_head=mask_head(width, classes, widths=(48, 48)),
        **{"rois": 32, "jittered": 3} | settings,
    )


@dataclass(frozen=True)
class ThingBoard:
    """Pictures to learn things from and to be judged by, and a backbone that stays as ImageNet made it (lecture 09).

    Args:
        pictures: by split, "train" and "val", of one size.
        backbone: the whole one, frozen.
        device: where the nets run.

    Attributes:
        train, val: the pictures' maps, kept, and their things; made when they are first asked for.
        first_half: of `train`; asked for before, it leaves `train` the other half to do.
    """

    pictures: dict[str, ThingPictures]
    backbone: Backbone
    device: torch.device

    @cached_property
    def first_half(self) -> KeptThings:
        pictures = self.pictures["train"]
        whole = len(pictures) // 2 // KeptThings.batch * KeptThings.batch  # batches, as all at once would have them
        return KeptThings(self.backbone, pictures.subset(range(whole or len(pictures))))

    @cached_property
    def train(self) -> KeptThings:
        return KeptThings(self.backbone, self.pictures["train"], self.first_half)

    @cached_property
    def val(self) -> KeptThings:
        return KeptThings(self.backbone, self.pictures["val"])

    def net(self, seed: int = 0, **changed) -> MaskRCNN:
        """A fresh net on kept maps; see `lite_net` for what can be changed.

        Its mask head looks at 7x7 cells: things here are not wider, and two convolutions see nearly the whole box.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return lite_net(
                freeze(UpperBackbone(self.backbone)), len(self.pictures["train"].classes), **{"crop": 7} | changed
            )

    def prepare(self, images: Tensor) -> Tensor:
        """From pictures (N, 3, H, W) uint8, with sides that are multiples of 32, to what the net takes."""
        return lower_maps(self.backbone, images, every=8)


def thing_board(run: Run, images: int = 960) -> ThingBoard:
    """What lecture 09 trains on: stickers of 160x160 that overlap, all of one class, "thing".

    Args:
        run: says the device.
        images: scenes; five of six are for training. Half as many, each mirrored as well, cost as much and teach less.
    """
    pictures = {
        split: ThingPictures(load("stickers", split, images=images), one_class=True) for split in ("train", "val")
    }
    whole = freeze(backbone("efficientnet_lite0")).to(run.device, memory_format=torch.channels_last)
    return ThingBoard(pictures, whole, run.device)


def thing_recipe(run: Run, seed: int | None = None, **changed) -> Settings:
    """How lecture 09's net is trained.

    Args:
        run: says the profile.
        seed: of the order of pictures and of what is sampled; the run's where it is None.
        changed: any other setting, such as epochs=1.
    """
    settings = Settings(
        epochs=run.pick(quick=2, full=24),
        batch=4,  # 200 steps of 4 pictures were as good as 150 of 8, in two thirds of the time
        lr=2e-3,
        bias_lr=1.0,
        warm_up=0.2,
        batch_norm="keep",
        seed=run.seed if seed is None else seed,
    )
    return replace(settings, **changed)


def train_thing_net(
    board: ThingBoard,
    run: Run,
    seed: int | None = None,
    net: MaskRCNN | None = None,
    until: float | None = None,
    **changed,
) -> tuple[MaskRCNN, History]:
    """A net trained on a board, or loaded where it was trained before; see `thing_recipe` for what can be changed.

    Args:
        seed: of first weights and training; the run's where it is None.
        net: to train; a fresh one of the board where it is None. Changed in place.
        until: as for `train_or_load`: stops after this share of the steps; asked for again, it goes on from there.
    """
    settings = thing_recipe(run, seed, **changed)
    net = net or board.net(settings.seed)
    history = train_or_load(
        "mask_rcnn", ToldNet(net), board.train, five_losses, settings, until=until, device=board.device
    )
    return net, history


@dataclass(frozen=True)
class FoundThings:
    """What a net found in some pictures, by both measures (lecture 09).

    Args:
        truths: of each picture its two maps, as `ThingPictures` gives them.
        found: of each picture what a `MaskRCNN` gives, but for the masks, which `pair` pastes again: those of a
            hundred pictures would fill the memory.
        boxes, masks: COCO's AP of each.
        instances: of the label images that the surest detections make (see `label_image`): the other measure.
    """

    truths: Sequence[tuple[Tensor, Tensor]]
    found: Sequence[dict[str, Tensor]]
    boxes: AveragePrecision
    masks: AveragePrecision
    instances: InstanceScores

    def pair(self, index: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """What is true of a picture and what was found in it, as `coco_ap` takes them."""
        return pair_of(self.truths[index], self.found[index])

    def scores(self) -> dict[str, float]:
        """All measures by name; NaN where there is no such thing."""
        coco = {
            f"{kind}_{name}": getattr(each, name)
            for kind, each in (("box", self.boxes), ("mask", self.masks))
            for name in ("ap", "ap50", "ap75")
        }
        matched = {f"matched_{round(100 * iou)}": share for iou, share in self.instances.matched_share.items()}
        others = ("panoptic_quality", "cells", "predicted", "merged", "split", "missed")
        return coco | matched | {name: getattr(self.instances, name) for name in others}


def pair_of(truth: tuple[Tensor, Tensor], found: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """One picture's truth and detections, as `coco_ap` takes them; masks that are missing are pasted."""
    if "masks" not in found:
        masks = paste_masks(found["drawn"], found["boxes"], tuple(truth[0].shape)) > 0.5
        found = found | {"masks": masks}
    return target_of(*truth), found


def judge_things(
    truths: Sequence[tuple[Tensor, Tensor]], found: Sequence[dict[str, Tensor]], surest: float = 0.5
) -> FoundThings:
    """Measure what was found in some pictures: COCO's AP of boxes and masks, and the label images' scores.

    Args:
        truths, found: as `FoundThings` has them.
        surest: detections that are less sure are left out of the label images; COCO's AP ranks them all.
    """
    maps = []

    def pairs():
        for truth, each in zip(truths, found, strict=True):
            pair = pair_of(truth, each)
            maps.append((truth[0], label_image(pair[1], surest)))
            yield pair

    masks = coco_ap(pairs(), "masks")  # each picture's masks are pasted once, and not kept
    boxes = coco_ap(((target_of(*truth), each) for truth, each in zip(truths, found, strict=True)), "boxes")
    return FoundThings(truths, found, boxes, masks, score_instances(maps))


@torch.no_grad()
def evaluate_things(
    net: MaskRCNN,
    dataset: "ThingPictures | KeptThings",
    prepare: Callable[[Tensor], Tensor] | None = None,
    surest: float = 0.5,
    batch: int = 20,
    progress: bool = False,
) -> FoundThings:
    """Look for things in every picture of a data set, each at its own size, and measure what was found.

    Args:
        net: put into eval mode, and left so.
        dataset: whole pictures, whose `augment` is left out, or kept maps.
        prepare: as for `train`; None for kept maps.
        surest: see `judge_things`.
        batch: kept maps that run together.
        progress: whether to show a bar.
    """
    net.eval()
    truths, found = [], []
    starts = range(0, len(dataset), batch if prepare is None else 1)
    for start in tqdm(starts, desc="single things", leave=False) if progress else starts:
        if prepare is None:
            items = [dataset[index] for index in range(start, min(start + batch, len(dataset)))]
            inputs = torch.stack([item[0] for item in items]).to(next(net.parameters()).device)
            some = net(inputs, [tuple(item[1].shape) for item in items])
        else:
            items = [dataset.whole(start)]
            some = [find_things(net, items[0][0], prepare, dataset.short)]
        truths += [tuple(maps) for _, *maps in items]
        found += [{name: value.cpu() for name, value in each.items() if name != "masks"} for each in some]
    return judge_things(truths, found, surest)


def run_things(recipe, out: Path, machine, decisive: dict, workers: int = 0, progress: bool = True) -> dict:
    """Train a Mask R-CNN as a recipe says, test it, and write net.pt, curves.csv and result.json into a folder.

    Args:
        recipe: a `course_utils.training.recipes.Recipe` with form "mask_rcnn".
        out: the folder; a training that was broken off goes on from its checkpoint.pt.
        decisive: what of the recipe has to be as it was for that.
        machine, workers, progress: as for `train`.

    Returns:
        what result.json holds; empty in all but the first of several processes

    Raises:
        ValueError: for settings or a data set that there are not; FileNotFoundError for data that is not here.
    """
    data = recipe.data
    augment = Augment(**tuples(recipe.augment))
    pictures = {
        split: ThingPictures(load(data.name, split, **data.options), augment, data.short, stretch=data.stretch)
        for split in (data.train, data.test)
    }
    learned, tested = pictures[data.train], pictures[data.test]
    learned.whole(0), tested.whole(0)  # what a data set cannot give is said now
    torch.manual_seed(recipe.training.seed)
    net = net_of(recipe.net, len(learned.classes))
    told, prepare = ToldNet(net), partial(normalise, name=recipe.net.backbone)

    def score(dataset: ThingPictures, progress: bool = False) -> dict[str, float]:
        training = net.most, net.rpn.candidates, net.rpn.proposals
        # a whole picture holds more than a crop
        net.most, net.rpn.candidates, net.rpn.proposals = data.most, 1000, 1000
        try:
            return evaluate_things(net, dataset, prepare, data.threshold, progress=progress).scores()
        finally:
            net.most, net.rpn.candidates, net.rpn.proposals = training

    validate, watched = None, {}
    if data.validate_pictures:
        step = max(1, len(tested) // data.validate_pictures)
        few = tested.subset(range(0, len(tested), step))
        watched = {"what is validated (hash)": digest(describe(few))}

        def validate(told: nn.Module) -> dict[str, float]:
            return score(few)

    history = train(
        told,
        learned,
        five_losses,
        recipe.training,
        prepare=prepare,
        validate=validate,
        checkpoint=out / "checkpoint.pt",
        workers=workers,
        progress=progress,
        machine=machine,
        made=decisive | watched | made_of(told, learned, five_losses, recipe.training, prepare, machine),
    )
    if machine.process:
        return {}
    result = {
        "scores": rounded(score(tested, progress)),
        "pictures": len(tested),
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
    } | facts_of(history, recipe, machine)
    keep_results(net, recipe, learned.dataset, history, result, out)
    table = "\n".join(f"{name:28}{value:10.4f}" for name, value in result["scores"].items())
    return result | {"table": table}


def net_of(choice, classes: int) -> MaskRCNN:
    """The Mask R-CNN that a recipe's [net] names.

    Raises:
        ValueError: for a backbone that there is none on.
    """
    if choice.backbone == "efficientnet_lite0":
        maps = backbone(choice.backbone)
        fix_lower(maps, choice.fixed)
        return lite_net(maps, classes, choice.width, choice.anchors, rois=choice.rois)
    if choice.backbone == "resnet50":
        return paper_net(classes, choice.anchors, choice.rois)
    raise ValueError(f"[net] backbone = {choice.backbone!r}: Mask R-CNN stands on efficientnet_lite0 or resnet50")


class ResNetMaps(nn.Module):
    """ResNet-50's maps at strides 4, 8, 16 and 32, its stem and first stage fixed, all batch norms as ImageNet left them.

    Without ImageNet weights in torch's cache or on the network they are random, which is said: enough to try a recipe.

    Shape:
        (N, 3, H, W) -> (N, 256, h4, w4), (N, 512, h8, w8), (N, 1024, h16, w16), (N, 2048, h32, w32)
    """

    channels = (256, 512, 1024, 2048)

    def __init__(self):
        super().__init__()
        from torchvision.models import resnet50

        net, weights = resnet50(zero_init_residual=True), imagenet_weights("resnet50")
        if weights is None:
            print("resnet50: random weights (no ImageNet weights in torch's cache)")
        else:
            net.load_state_dict(weights)
        self.stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        self.backbone = nn.ModuleList([net.layer1, net.layer2, net.layer3, net.layer4])
        freeze(self.stem), freeze(net.layer1)
        for part in self.modules():
            if isinstance(part, nn.BatchNorm2d):
                freeze(part)

    def forward(self, images: Tensor) -> list[Tensor]:
        maps = [self.stem(images)]
        for stage in self.backbone:
            maps.append(stage(maps[-1]))
        return maps[1:]


def paper_net(classes: int, anchors: Sequence[float] = (32, 64, 128, 256, 512), rois: int = 512) -> MaskRCNN:
    """ResNet-50-FPN as in the paper (section 3.1): five levels of one anchor size each, four of them to cut boxes from."""
    strides = (4, 8, 16, 32)
    return MaskRCNN(
        features=nn.Sequential(ResNetMaps(), FPN(ResNetMaps.channels, subsampled=True)),
        rpn=RPN(256, Anchors([(size,) for size in anchors], (*strides, 64)), candidates=2000),
        box_pool=RoIPooler(strides, size=7),
        box_head=BoxHead(256, size=7, classes=classes),
        mask_pool=RoIPooler(strides, size=14),
        mask_head=MaskHead(256, classes),
        rois=rois,
    )
