import pytest
import torch

from course_utils.data.photographs import annotation, photograph


@pytest.mark.parametrize("name", ["coffee", "coins", "cat", "astronaut"])
def test_masks_fit_their_photographs_and_hold_classes_and_void_only(name):
    found = annotation(name)
    assert torch.equal(found.image, photograph(name))
    assert found.mask.shape == found.instances.shape == found.image.shape[1:]
    assert found.mask.dtype == found.instances.dtype == torch.int64
    assert set(found.mask.unique().tolist()) == {*range(len(found.classes)), 255}
    assert 0.02 < (found.mask == 255).float().mean() < (0.2 if name == "astronaut" else 0.1)  # her helmet is void


@pytest.mark.parametrize("name", ["coffee", "coins", "cat", "astronaut"])
def test_each_object_has_the_class_of_its_pixels(name):
    found = annotation(name)
    assert found.instances.unique().tolist() == list(range(len(found.objects) + 1))
    for number, kind in enumerate(found.objects, start=1):
        inside = found.mask[found.instances == number]
        assert inside[inside != 255].unique().tolist() == [found.classes.index(kind)]


def test_a_class_that_meets_another_has_void_between():
    for name in ("coffee", "coins", "cat", "astronaut"):
        mask = annotation(name).mask
        for one, other in ((mask[1:], mask[:-1]), (mask[:, 1:], mask[:, :-1])):
            assert not ((one != other) & (one != 255) & (other != 255)).any()


def test_cup_and_saucer_are_two_dishes_and_the_coins_are_24():
    assert annotation("coffee").objects == ("dish", "dish", "spoon")
    assert len(annotation("coins").objects) == 24


def test_points_that_anyone_can_check_by_eye():
    coffee, cat = annotation("coffee"), annotation("cat")
    at = {(20, 20): 0, (200, 20): 1, (120, 290): 2, (300, 150): 2, (290, 360): 3, (85, 412): 3, (270, 260): 255}
    assert {point: coffee.mask[point].item() for point in at} == at
    assert coffee.instances[120, 290] == 1 and coffee.instances[300, 150] == 2
    # the spoon mirrored in the cup's glaze is cup
    assert coffee.instances[247, 330] == 1
    assert cat.mask[150, 200] == 1 and cat.mask[30, 10] == 0 and cat.mask[100, 420] == 0


def test_an_unknown_annotation_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="no annotation of 'dog': choose one of coffee, coins, cat"):
        annotation("dog")
