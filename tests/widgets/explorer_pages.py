"""What the browser test does with each explorer: the cell that makes it, and the hand that moves it."""

from collections.abc import Callable
from dataclasses import dataclass

IMPORTS = """
import torch
from course_utils.data import annotation, load, nuclei, photograph
from course_utils.models import UNet, classifier, convolutionalize, resize, without_padding
from course_utils.widgets import Scene, explore
coins = annotation("coins")
lite0 = classifier("efficientnet_lite0")
cat = annotation("cat")
square = resize(photograph("coffee")[:, :, 100:500], (512, 512))
alexnet = classifier("alexnet", 0, download=False)

from torch.nn import functional

cells, numbered = nuclei()
scene, rods = load("stickers", "val").sample(0), load("rods", "val").sample(0)
torch.manual_seed(0)
narrow = UNet(width=4, depth=4)

stickers = load("stickers", "val", images=6, sensor=True)


def by_light_and_depth(image, depth):
    return {"light": (image[0] > 100).long(), "depth": ((depth > 0) & (depth < 3)).long()}


def said(stride):
    known = torch.nn.functional.one_hot(cat.mask.where(cat.mask < 2, 0), 2).permute(2, 0, 1)[None].float()
    coarse = functional.avg_pool2d(known, stride, ceil_mode=True)
    return functional.interpolate(coarse, size=cat.mask.shape, mode="bilinear")[0]
"""


@dataclass(frozen=True)
class Case:
    """One explorer in the notebook.

    Attributes:
        name: of its function.
        title: what screen readers call it.
        call: the call that makes it.
        moves: what a person does, and a word that the sentence under the picture must hold afterwards.
    """

    name: str
    title: str
    call: str
    moves: tuple[tuple[Callable, str], ...]

    @property
    def cell(self) -> str:
        return f"from course_utils.widgets import {self.name}\nexplore({self.call})"


def press(control: str, *keys: str, role: str = "slider") -> Callable:
    """Put the focus on a control and press keys."""

    def move(explorer):
        handle = explorer.get_by_role(role, name=control, exact=True)
        handle.focus()
        for key in keys:
            handle.press(key)

    return move


def click(across: float, down: float) -> Callable:
    """Click into the picture, at shares of its width and height."""

    def move(explorer):
        image = explorer.locator(".course-picture img")
        box = image.bounding_box()
        image.click(position={"x": across * box["width"], "y": down * box["height"]})

    return move


def arrow(key: str) -> Callable:
    """Press a key on the picture."""
    return lambda explorer: explorer.locator(".course-picture img").press(key)


def paint(explorer) -> None:
    """Draw a stroke across the canvas with the mouse."""
    box = explorer.locator("canvas").bounding_box()
    mouse = explorer.page.mouse
    mouse.move(box["x"] + 0.05 * box["width"], box["y"] + 0.9 * box["height"])
    mouse.down()
    mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.97 * box["height"], steps=5)
    mouse.up()


def paint_by_keyboard(explorer) -> None:
    """Move the brush with the arrow keys and erase under it."""
    canvas = explorer.locator("canvas")
    for key in ("ArrowUp", "ArrowLeft", "x"):
        canvas.press(key)


CASES = (
    Case(
        "paint_mask",
        "Paint a mask",
        "paint_mask(cat.image, cat.mask, 'cat')",
        (
            (paint, "mean IU"),
            (paint_by_keyboard, "mean IU"),
            (lambda explorer: explorer.get_by_role("button", name="undo").click(), "mean IU"),
        ),
    ),
    Case(
        "threshold",
        "A threshold slides over the photograph",
        "threshold(coins.image, coins.mask)",
        ((press("threshold", "ArrowRight"), "Threshold 81"), (press("blur (pixels)", "End"), "Threshold 81")),
    ),
    Case(
        "sliding_window",
        "A window walks over the photograph",
        "sliding_window(square, lite0, convolutionalize(lite0), ('espresso', 'cup', 'coffee mug'))",
        (
            (click(0.3, 0.5), "50 windows asked"),
            (arrow("ArrowDown"), "60 windows asked"),
            (press("windows asked", "Home"), "1 window asked"),
        ),
    ),
    Case(
        "receptive_field",
        "The receptive field of a unit",
        "receptive_field(square, without_padding(convolutionalize(alexnet)))",
        (
            (click(0.1, 0.3), "195×195"),
            (press("layer", "Home"), "11×11"),
            (arrow("ArrowRight"), "Conv 1"),
        ),
    ),
    Case(
        "heat_map",
        "A class over a photograph",
        "heat_map(convolutionalize(lite0, average=False))",
        (
            (press("short side (pixels)", "ArrowRight"), "of 176 answers"),
            (lambda explorer: explorer.get_by_role("combobox", name="photograph").select_option("cat"), "Egyptian cat"),
        ),
    ),
    Case(
        "transposed_convolution",
        "Stamps of a transposed convolution",
        "transposed_convolution()",
        (
            (press("kernel", "ArrowRight"), "from its border: even"),
            (click(0.02, 0.2), "Input cell (0, 0)"),
            (arrow("ArrowDown"), "Input cell (1, 0)"),
        ),
    ),
    Case(
        "crop_offset",
        "Where the cells lie, and the crop",
        "crop_offset(photograph('coffee'))",
        (
            (press("pad", "Home"), "the first 81 pixels get no answer"),
            (lambda explorer: explorer.get_by_role("button", name="16").click(), "stride 16"),
        ),
    ),
    Case(
        "skip_fusion",
        "The three streams of a trained FCN-8s, mixed",
        "skip_fusion([Scene(cat.image, cat.mask, {stride: said(stride) for stride in (32, 16, 8)})], "
        "['background', 'cat'], [(0, 0, 0), (230, 159, 0)])",
        (
            (press("stride 32 times", "Home"), "points against the net as it was trained"),
            (lambda explorer: explorer.get_by_role("combobox", name="for").select_option("cat"), "cat: IU"),
            (press("stride 16 times", "Home"), "cat: IU 0.0"),
        ),
    ),
    Case(
        "light_and_shift",
        "Light and shift",
        "light_and_shift([stickers.sample(0)], by_light_and_depth, stickers.classes, stickers.palette)",
        (
            (press("light", "End"), "finds nothing"),
            (press("shift, px", "End"), "depth: mean IU"),
        ),
    ),
    Case(
        "unet_size",
        "Sizes of a U-Net's maps",
        "unet_size()",
        (
            (press("input side, px", "ArrowRight"), "573 is illegal"),
            (press("depth", "Home"), "573 is illegal: on level 0"),
            (lambda explorer: explorer.get_by_role("button", name="padded").click(), "Nearest: 572 or 574"),
            (press("input side, px", "ArrowLeft"), "572 in, 572 out"),
        ),
    ),
    Case(
        "elastic",
        "Elastic deformation of a picture and its mask",
        "elastic(cells[:, 256:, :256], numbered[256:, :256])",
        (
            (press("sigma, px", "Home"), "No pixel moved"),
            (press("sigma, px", "End"), "Turned inside out"),
            (press("seed", "ArrowRight"), "Turned inside out"),
        ),
    ),
    Case(
        "weight_map",
        "The border weight map and who gets the loss",
        "weight_map(numbered)",
        (
            (press("w0", "End"), "Heaviest pixel: 19."),
            (press("sigma, px", "End"), "Heaviest pixel: 2"),
            (press("w0", "Home"), "Heaviest pixel: 1."),
            (click(0.1, 0.18), "in row "),
        ),
    ),
    Case(
        "overlap_tile",
        "Tiles over a large picture",
        "overlap_tile(narrow, cells[:1, :256, :256] / 255)",
        (
            (press("step, px", "Home"), "Largest difference to one pass: 0.000"),
            (press("step, px", "ArrowRight"), "pixels that change sides"),
            (arrow("ArrowDown"), "Tile 9 answers from row 36, column 0 on"),
            (press("step, px", "End"), "No tile answers"),
            (press("tile, px", "End"), "Largest difference to one pass: 0.000"),
        ),
    ),
    Case(
        "anchor_matching",
        "A box and the anchors that match it",
        "anchor_matching(scene.image)",
        (
            (click(0.1, 0.4), "belong to it"),
            (arrow("ArrowRight"), "belong to it"),
            (press("width, px", "End"), "Box 120 x 60"),
        ),
    ),
    Case(
        "roi_shift",
        "A box shifted under RoIPool and RoIAlign",
        "roi_shift(scene.image, scene.instances == 1)",
        (
            (press("shift, px", "Home"), "moved by 0.0 px"),
            (arrow("ArrowRight"), "moved by 0.1 px"),
            (lambda explorer: explorer.get_by_role("combobox", name="stride").select_option("32"), "Stride 32"),
        ),
    ),
    Case(
        "nms_threshold",
        "Non-maximum suppression on crowded nuclei",
        "nms_threshold(rods.image, rods.instances)",
        ((press("threshold", "ArrowRight"), "At 0.35"), (press("boxes on each nucleus", "Home"), "boxes stay")),
    ),
)

# cells of a small lecture: kind, slide type, source, tags
LECTURE = (
    ("markdown", "slide", "# The first slide", []),
    ("code", "-", "from course_utils.widgets import lecture_mode\nlecture_mode()", []),
    ("markdown", "notes", "*For the lecturer, 1 minute.* This is for only the lecturer.", []),
    ("markdown", "slide", "## The second slide", []),
    (
        "code",
        "-",
        "from course_utils.data.photographs import annotation\n"
        "from course_utils.widgets import explore\n"
        "from course_utils.widgets.thresholds import threshold\n"
        "coins = annotation('coins')\n"
        "explore(threshold(coins.image, coins.mask))",
        [],
    ),
    ("markdown", "notes", "*For the lecturer, 1 minute.* This is for only the lecturer.", []),
    ("markdown", "fragment", "This is the answer.", []),
    ("code", "subslide", "print('shown')", ["show-code"]),
    ("markdown", "skip", "This is only for readers.", []),
    ("markdown", "skip", "### One more to move", []),
    (
        "code",
        "skip",
        "from course_utils.widgets.crop_offsets import crop_offset\nexplore(crop_offset(coins.image))",
        [],
    ),
)
