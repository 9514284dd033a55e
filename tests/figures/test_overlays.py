import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from course_utils.data.masks import voc_palette
from course_utils.figures.measures import accuracy_curves, confusion
from course_utils.figures.overlays import (
    Box,
    draw_boxes,
    draw_classes,
    draw_image,
    draw_instances,
    draw_mistakes,
    instances,
    label_map,
    mistakes,
    overlay,
    panels,
)
from course_utils.figures.style import class_palette, instance_palette, use_course_style

CLASSES = ["background", "cat", "dog", "bird"]


@pytest.fixture(autouse=True)
def courses_look():
    with plt.rc_context():
        use_course_style()
        yield
    plt.close("all")


@pytest.fixture
def image():
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 60, 80), dtype=np.uint8))


@pytest.fixture
def mask():
    mask = torch.zeros(60, 80, dtype=torch.int64)
    mask[10:40, 10:30], mask[30:55, 50:75] = 1, 2
    mask[8:10, 10:30] = 255
    return mask


def texts(figure):
    legend = [text.get_text() for box in figure.legends for text in box.get_texts()]
    return legend, [text.get_text() for axes in figure.axes for text in axes.texts]


def pixels(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())


def test_vocs_palette_is_vocs():
    palette = np.array(voc_palette(256))
    # published: aeroplane, bicycle, chair, diningtable, person, sheep, tv/monitor, void
    published = {
        0: (0, 0, 0),
        1: (128, 0, 0),
        2: (0, 128, 0),
        9: (192, 0, 0),
        11: (192, 128, 0),
        15: (192, 128, 128),
        17: (128, 64, 0),
        20: (0, 64, 128),
        255: (224, 224, 192),
    }
    assert {number: tuple(palette[number].tolist()) for number in published} == published
    assert len(np.unique(palette, axis=0)) == 256


def test_the_courses_palette_keeps_classes_apart_and_beyond_eight_takes_vocs():
    lab = rgb2lab(class_palette(8)[None] / 255)[0]
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1) + 999 * np.eye(8)
    assert apart.min() > 25
    assert np.array_equal(class_palette(21), voc_palette(21))
    assert class_palette(3).shape == (3, 3) and class_palette(3).dtype == np.uint8


def random_instances(seed=0):
    points = np.random.default_rng(seed).integers(0, 120, (60, 2))
    rows, columns = np.mgrid[:120, :120]
    distance = (rows[..., None] - points[:, 0]) ** 2 + (columns[..., None] - points[:, 1]) ** 2
    return distance.argmin(axis=-1) + 1


@pytest.mark.parametrize("seed", range(3))
def test_neighbouring_instances_have_colours_that_differ_well(seed):
    labels = random_instances(seed)
    lab = rgb2lab(instance_palette(labels)[None] / 255)[0]
    for one, other in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        meet = one != other
        assert np.linalg.norm(lab[one[meet]] - lab[other[meet]], axis=-1).min() > 25


def test_instance_colours_are_the_same_in_every_run_and_stay_when_a_far_instance_goes():
    labels = np.zeros((100, 200), dtype=int)
    labels[10:20, 10:20], labels[10:20, 60:70], labels[80:90, 180:190] = 3, 8, 40
    palette = instance_palette(labels)
    assert np.array_equal(palette, instance_palette(labels))
    assert palette.shape == (41, 3) and palette[0].tolist() == [0, 0, 0]
    without = instance_palette(np.where(labels == 40, 0, labels))
    assert np.array_equal(palette[[3, 8]], without[[3, 8]])


def test_an_overlay_names_its_classes_in_the_legend_and_in_the_picture(image, mask):
    legend, inside = texts(overlay(image, mask, CLASSES, "two animals"))
    assert legend == ["background", "cat", "dog", "void: not scored"]
    assert inside == ["cat", "dog"]


def test_a_name_near_a_side_of_the_picture_is_not_cut_off(image):
    mask = torch.zeros(image.shape[-2:], dtype=torch.int64)
    mask[10:20, :6], mask[10:20, -6:] = 1, 2
    figure = overlay(image, mask, ["background", "motorbike", "bottle"], "one at each side")
    figure.canvas.draw()
    axes = figure.axes[0]
    picture = axes.get_window_extent()
    for name in axes.texts:
        written = name.get_window_extent()
        assert picture.x0 <= written.x0 and written.x1 <= picture.x1, f"{name.get_text()} is cut off"


def test_the_title_is_shown(image, mask):
    assert overlay(image, mask, CLASSES, "two animals").get_suptitle() == "two animals"


def test_background_stays_clear_and_classes_are_tinted(image, mask):
    _, axes = plt.subplots()
    draw_classes(axes, image, mask, CLASSES)
    drawn, ground = axes.get_images()[0].get_array(), image.permute(1, 2, 0).numpy() / 255
    assert np.allclose(drawn[mask == 0], ground[mask == 0])
    expected = 0.45 * ground[20, 20] + 0.55 * class_palette(4)[1] / 255
    assert np.allclose(drawn[20, 20], expected)


def test_class_zero_is_tinted_where_it_is_a_class_like_others(image):
    _, axes = plt.subplots()
    mask = torch.zeros(60, 80, dtype=torch.int64)
    draw_classes(axes, image, mask, ["road", "sky"])
    assert not np.allclose(axes.get_images()[0].get_array(), image.permute(1, 2, 0).numpy() / 255)
    assert [text.get_text() for text in axes.texts] == ["road"]


def test_void_is_hatched_and_never_colour_alone(image, mask):
    for ground in (image, None):
        _, axes = plt.subplots()
        entries = draw_classes(axes, ground, mask, CLASSES)
        assert entries[-1].get_label() == "void: not scored" and entries[-1].get_hatch()
        assert any(getattr(drawn, "hatches", [None])[0] for drawn in axes.collections)


def test_without_void_nothing_is_hatched(image, mask):
    _, axes = plt.subplots()
    draw_classes(axes, image, mask.clamp(max=2), CLASSES)
    assert not any(getattr(drawn, "hatches", [None])[0] for drawn in axes.collections)


def test_a_label_map_shows_the_palettes_own_colours(mask):
    figure = label_map(mask, CLASSES, "labels", palette=voc_palette(4))
    drawn = figure.axes[0].get_images()[0].get_array()
    assert np.allclose(drawn[20, 20] * 255, (128, 0, 0)) and np.allclose(drawn[0, 0], 0)


def test_a_mistakes_map_tells_three_kinds_apart_by_hatching_and_leaves_void_out(image, mask):
    prediction = mask.clone()
    prediction[mask == 255] = 3
    prediction[0:6, 40:60] = 1
    prediction[10:20, 10:30] = 0
    prediction[30:40, 50:75] = 1
    _, axes = plt.subplots()
    entries = draw_mistakes(axes, image, mask, prediction)
    scored = 60 * 80 - 40
    expected = {"missed": 200 / scored, "false alarm": 120 / scored, "wrong class": 250 / scored}
    named = [f"{name} {value:.1%}" for name, value in expected.items()]
    assert [entry.get_label() for entry in entries] == named
    assert len({entry.get_hatch() for entry in entries}) == 3


def test_a_perfect_prediction_has_no_mistakes_to_show(image, mask):
    figure = mistakes(image, mask, mask, "none")
    assert not figure.legends


def test_instances_are_outlined(image):
    labels = np.zeros((60, 80), dtype=np.int32)
    labels[10:30, 10:30], labels[10:30, 30:50] = 1, 2
    figure = instances(image, labels, "two that touch")
    edges = figure.axes[0].get_images()[1].get_array()[..., 3]
    assert edges[20, 29] and edges[20, 30] and not edges[20, 20] and not edges[50, 50]


def test_boxes_carry_their_names(image):
    _, axes = plt.subplots()
    draw_image(axes, image)
    draw_boxes(axes, [Box(10, 10, 30, 40, "cat"), Box(50, 30, 75, 55, "dog")])
    assert [text.get_text() for text in axes.texts] == ["cat", "dog"]
    # two frames a box: a black one under the coloured one
    assert len(axes.patches) == 4 and axes.patches[0].get_width() == 20


def test_panels_share_one_legend_and_keep_their_captions(image, mask):
    figure = panels(
        {
            "image": lambda axes: draw_image(axes, image),
            "truth": lambda axes: draw_classes(axes, image, mask, CLASSES),
            "prediction": lambda axes: draw_classes(axes, image, mask.clamp(max=2), CLASSES),
        },
        "side by side",
    )
    legend, _ = texts(figure)
    assert legend == ["background", "cat", "dog", "void: not scored"]
    captions = [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes]
    assert captions == ["image", "truth", "prediction"]


def test_pictures_are_drawn_without_distortion(image, mask):
    figure = overlay(image, mask, CLASSES, "shape")
    figure.canvas.draw()
    box = figure.axes[0].get_window_extent()
    assert box.width / box.height == pytest.approx(80 / 60, rel=0.01)
    assert box.width > 0.9 * figure.get_window_extent().width


def test_text_is_legible_from_the_back_row(image, mask):
    figure = overlay(image, mask, CLASSES, "legible")
    sizes = [text.get_fontsize() for axes in figure.axes for text in axes.texts]
    sizes += [text.get_fontsize() for box in figure.legends for text in box.get_texts()]
    assert min(sizes) >= 12 * figure.get_size_inches()[0] / 10


def test_every_kind_of_image_is_drawn_the_same(image):
    grey = image[0]
    kinds = [image, image.float() / 255, image.permute(1, 2, 0).numpy()]
    drawn = [pixels(panels({"": lambda axes, kind=kind: draw_image(axes, kind)}, "x")) for kind in kinds]
    assert np.array_equal(drawn[0], drawn[1]) and np.array_equal(drawn[0], drawn[2])
    assert panels({"": lambda axes: draw_image(axes, grey)}, "grey")
    assert panels({"": lambda axes: draw_image(axes, grey[None])}, "grey")


def test_wrong_input_is_refused_with_what_was_found(image, mask):
    _, axes = plt.subplots()
    with pytest.raises(ValueError, match=r"the mask has shape \(60, 79\), but the image is \(60, 80\)"):
        draw_classes(axes, image, mask[:, :79], CLASSES)
    with pytest.raises(ValueError, match=r"the mask holds \[2\], but there are 2 classes"):
        draw_classes(axes, image, mask, CLASSES[:2])
    with pytest.raises(ValueError, match=r"a mask is \(H, W\), integers: this is float32"):
        draw_instances(axes, image, mask.float())
    with pytest.raises(ValueError, match="a float image goes from 0 to 1: this goes from -1"):
        draw_image(axes, torch.linspace(-1, 1, 300).reshape(3, 10, 10))
    with pytest.raises(ValueError, match=r"an image is .* this has shape \(2, 3, 10, 10\)"):
        draw_image(axes, torch.zeros(2, 3, 10, 10))
    with pytest.raises(ValueError, match="at least one drawing"):
        panels({}, "nothing")


def test_a_confusion_matrix_shows_shares_of_each_true_class():
    figure = confusion(torch.tensor([[90, 10, 0], [30, 70, 0], [0, 0, 0]]), CLASSES[:3], "ten missed")
    _, inside = texts(figure)
    assert inside[:4] == ["90%\n90", "10%\n10", "0%\n0", "30%\n30"]
    assert inside[6:] == ["none\n0"] * 3
    with pytest.raises(ValueError, match=r"the matrix has shape \(3, 3\), but there are 4 class names"):
        confusion(np.eye(3), CLASSES, "x")


def test_curves_have_a_marker_each():
    figure = accuracy_curves({"a": [0.5] * 10, "b": [0.4] * 10}, "a leads")
    assert len({line.get_marker() for line in figure.axes[0].lines}) == 2
