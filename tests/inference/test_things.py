"""A picture is looked at in another size and answered in its own; detections become one map, the surest in front."""

import numpy as np
import pytest
import torch
from skimage.measure import label, regionprops
from torch import nn

from course_utils.inference.things import at_short_side, find_in_tiles, find_things, label_image
from course_utils.models.rois import paste_masks


def test_the_surest_detection_is_in_front_and_one_behind_others_has_no_pixel():
    masks = torch.zeros(4, 6, 8, dtype=torch.bool)
    masks[0, :4, :4], masks[1, 2:, 2:], masks[2, :2, :2], masks[3] = True, True, True, True
    found = {"masks": masks, "scores": torch.tensor([0.9, 0.8, 0.7, 0.3])}
    image = label_image(found)
    assert image.dtype == torch.int64 and image[3, 3] == 1 and image[5, 7] == 2 and image[0, 7] == 0
    assert image.unique().tolist() == [0, 1, 2]
    assert label_image(found, surest=0).unique().tolist() == [1, 2, 4]


def test_no_detection_is_a_map_of_background():
    found = {"masks": torch.zeros(0, 6, 8, dtype=torch.bool), "scores": torch.zeros(0)}
    assert torch.equal(label_image(found), torch.zeros(6, 8, dtype=torch.int64))


@pytest.mark.parametrize(("short", "seen"), [(0, (50, 70)), (100, (100, 140)), (25, (25, 35))])
def test_boxes_and_masks_come_back_at_the_size_of_the_picture(short, seen):
    assert at_short_side((50, 70), short) == seen

    class FindsTheRight(nn.Module):
        def __init__(self):
            super().__init__()
            self.anywhere = nn.Parameter(torch.zeros(()))

        def forward(self, images, sizes):
            assert sizes == [seen] and images.shape[-2] % 32 == images.shape[-1] % 32 == 0
            height, width = seen
            box = torch.tensor([[width / 2, 0, width, height]])
            mask = torch.zeros(1, height, width, dtype=torch.bool)
            mask[..., width // 2 + width % 2 :] = True
            drawn = torch.ones(1, 28, 28)
            return [{"boxes": box, "labels": torch.ones(1), "scores": torch.ones(1), "masks": mask, "drawn": drawn}]

    image = torch.randint(255, (3, 50, 70), dtype=torch.uint8)
    found = find_things(FindsTheRight(), image, lambda images: images.float(), short)
    torch.testing.assert_close(found["boxes"], torch.tensor([[35.0, 0, 70, 50]]))
    assert found["masks"].shape == (1, 50, 70)
    assert found["masks"][..., 35:].all() and not found["masks"][..., :35].any()


class FindsWhatIsBright(nn.Module):
    """Says of each connected bright part of what it sees that it is a thing, by its box, and draws it."""

    overlap = 0.5

    def __init__(self):
        super().__init__()
        self.anywhere = nn.Parameter(torch.zeros(()))
        self.seen = []

    def forward(self, images, sizes):
        self.seen.append(tuple(images.shape[-2:]))
        parts = regionprops(label(images[0, 0].numpy() > 100))
        found = {"boxes": torch.zeros(len(parts), 4), "drawn": torch.zeros(len(parts), 28, 28)}
        for number, part in enumerate(parts):
            top, left, bottom, right = part.bbox
            found["boxes"][number] = torch.tensor([left, top, right, bottom])
            mask = torch.from_numpy(part.image).float()[None, None]
            found["drawn"][number] = nn.functional.interpolate(mask, (28, 28), mode="bilinear")[0, 0]
        # who sees less of a thing is surer of it here: being whole has to count for more
        scores = 1 - torch.tensor([part.area for part in parts]) / 1e5
        order = scores.argsort(descending=True)
        found |= {"labels": torch.ones(len(parts), dtype=torch.int64), "scores": scores}
        masks = torch.zeros(len(parts), *sizes[0], dtype=torch.bool)
        return [{name: value[order] for name, value in (found | {"masks": masks}).items()}]


def board(size, seed):
    """Discs and a bar, none touching another, many on the borders between tiles; and how many there are."""
    dice = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    truth, number = np.zeros((size, size), np.int64), 0
    for row in range(40, size - 30, 64):
        for column in range(40, size - 30, 64):
            radius, down, right = dice.integers(8, 24), *dice.integers(-6, 7, 2)
            number += 1
            truth[(rows - row - down) ** 2 + (columns - column - right) ** 2 < radius**2] = number
    return truth, number


@pytest.mark.parametrize("seed", [0, 1])
def test_a_large_board_read_in_tiles_holds_each_thing_once_and_whole(seed):
    truth, count = board(1024, seed)
    image = torch.from_numpy((truth > 0) * 200).to(torch.uint8).expand(3, -1, -1)
    net = FindsWhatIsBright()
    found = find_in_tiles(net, image, lambda images: images.float(), tile=320, overlap=96)
    assert len(net.seen) == 25 and max(net.seen) <= (320, 320)  # five tiles in a row, each overlapping the next
    assert len(found["boxes"]) == count
    labels = label_image(found, 0.0, (1024, 1024)).numpy()
    for number in range(1, count + 1):
        inside, said = truth == number, np.unique(labels[truth == number])
        best = max((value for value in said if value), key=lambda value: (inside & (labels == value)).sum())
        assert (inside & (labels == best)).sum() / (inside | (labels == best)).sum() > 0.85
    assert len(np.unique(labels)) == count + 1


def test_a_thing_wider_than_the_overlap_is_kept_in_parts_and_none_is_lost():
    image = torch.zeros(3, 128, 640, dtype=torch.uint8)
    image[:, 50:80, 20:620] = 200
    found = find_in_tiles(FindsWhatIsBright(), image, lambda images: images.float(), tile=256, overlap=64)
    boxes = found["boxes"]
    assert 1 < len(boxes) <= 3 and boxes[:, 0].min() == 20 and boxes[:, 2].max() == 620


def test_drawn_masks_make_the_same_label_image_as_pasted_ones():
    torch.manual_seed(0)
    corners = torch.rand(6, 2) * 60 - 5
    found = {
        "boxes": torch.cat([corners, corners + 5 + torch.rand(6, 2) * 30], dim=1),
        "drawn": torch.rand(6, 14, 14),
        "scores": torch.linspace(0.9, 0.6, 6),
    }
    pasted = found | {"masks": paste_masks(found["drawn"], found["boxes"], (64, 70)) > 0.5}
    assert torch.equal(label_image(found, size=(64, 70)), label_image(pasted))
