"""Make the README's pictures: `python docs/pictures.py` from the course's folder."""

import io
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from PIL import Image

from course_utils.data.masks import VOC_CLASSES, voc_palette
from course_utils.data.photographs import photograph
from course_utils.data.sets.nuclei import nuclei
from course_utils.data.stickers.scenes import scene
from course_utils.figures.contact_sheets import scene_wall
from course_utils.figures.heatmaps import draw_heat
from course_utils.figures.overlays import draw_classes, draw_image, draw_instances
from course_utils.figures.style import use_course_style
from course_utils.inference.dense_prediction import dense
from course_utils.models.backbones import classifier
from course_utils.models.convolutionalization import convolutionalize
from course_utils.models.imagenet import class_index, normalise

CATS = ("tiger cat", "tabby", "Egyptian cat")


def cat_heat(image: torch.Tensor) -> torch.Tensor:
    """How probable a cat is in each cell of the dense output: (h, w)."""
    net = convolutionalize(classifier("efficientnet_lite0"), average=False)
    probabilities = dense(net, normalise(image, "efficientnet_lite0")[None]).softmax(1)[0]
    return probabilities[[class_index(name) for name in CATS]].sum(0)


def what_you_will_see() -> Figure:
    """Three pictures, and what the course makes of them."""
    figure, axes = plt.subplots(2, 3, figsize=(13.5, 8.2))
    cat = photograph("cat")[:, :, 80:380]
    sticker = scene(seed=0, index=386, size=320)
    cells, labels = (picture[..., 200:400, 60:260] for picture in nuclei())
    for column, (image, title) in enumerate(
        ((sticker.image, "Pixels with a name"), (cat, "Where is the cat?"), (cells, "Cells told apart"))
    ):
        draw_image(axes[0, column], image)
        axes[0, column].set_title(title)
    draw_classes(axes[1, 0], sticker.image, sticker.mask, VOC_CLASSES, palette=voc_palette())
    draw_heat(axes[1, 1], cat, cat_heat(cat))
    draw_instances(axes[1, 2], cells, labels)
    return figure


def main() -> None:
    use_course_style()
    for name, figure in (("title", scene_wall()), ("what_you_will_see", what_you_will_see())):
        file = io.BytesIO()
        figure.savefig(file, dpi=80)
        Image.open(file).convert("RGB").quantize(256).save(Path(__file__).with_name(f"{name}.png"), optimize=True)


if __name__ == "__main__":
    main()
