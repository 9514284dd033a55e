"""Make the README's picture: `python docs/what_you_will_see.py` from the course's folder."""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from course_utils.data.nuclei import nuclei
from course_utils.data.palettes import VOC_CLASSES
from course_utils.data.photographs import photograph
from course_utils.data.stickers import scene
from course_utils.figures.heatmaps import draw_heat
from course_utils.figures.overlays import draw_classes, draw_image, draw_instances
from course_utils.figures.palettes import voc_palette
from course_utils.figures.style import use_course_style
from course_utils.models.backbones import classifier
from course_utils.models.convolutionalize import convolutionalize
from course_utils.models.imagenet import class_index, normalise
from course_utils.predict import dense

CATS = ("tiger cat", "tabby", "Egyptian cat")


def cat_heat(image: torch.Tensor) -> torch.Tensor:
    """How probable a cat is in each cell of the dense output: (h, w)."""
    net = convolutionalize(classifier("efficientnet_lite0"), average=False)
    probabilities = dense(net, normalise(image, "efficientnet_lite0")[None]).softmax(1)[0]
    return probabilities[[class_index(name) for name in CATS]].sum(0)


def main() -> None:
    use_course_style()
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
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=80, pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main()
