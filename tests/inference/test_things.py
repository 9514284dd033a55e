"""A picture is looked at in another size and answered in its own; detections become one map, the surest in front."""

import pytest
import torch
from torch import nn

from course_utils.inference.things import at_short_side, find_things, label_image


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
