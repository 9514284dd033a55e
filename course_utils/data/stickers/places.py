"""Where a scene plays: a backdrop above the horizon and a ground below it, in ready-made plates (stickers)."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from course_utils.data.stickers import textures
from course_utils.data.stickers.dice import Dice

SKY, HORIZONTAL, VERTICAL = range(3)
GEOMETRY = ("sky", "horizontal", "vertical")
PLATES = 5


@dataclass(frozen=True)
class Place:
    """A kind of place.

    Args:
        classes: the classes that are at home here.
        distractors: kinds of drawings that stand here and count as background.
        horizon: lowest and highest row of the horizon, in percent of the picture's height.
        light: red, green and blue of the light, in 256ths.
    """

    classes: str
    distractors: tuple[str, ...]
    horizon: tuple[int, int]
    light: tuple[int, int, int] = (256, 256, 256)
    flying: bool = True


PLACES = {
    "meadow": Place("cow horse sheep dog bird person bicycle cat aeroplane", ("green",), (30, 50)),
    "dusk": Place("horse dog person motorbike bird car sheep bicycle", ("green",), (35, 52), (262, 240, 214)),
    "street": Place("car bus person bicycle motorbike dog chair bottle", ("town",), (36, 54)),
    "square": Place("bicycle person bird bus motorbike chair dog pottedplant", ("town",), (36, 52)),
    "railway": Place("train person car cow bus aeroplane", ("green", "town"), (34, 48)),
    "sea": Place("boat bird aeroplane", ("water",), (30, 46)),
    "beach": Place("boat person bird dog chair bottle car horse", ("sand",), (34, 48)),
    "room": Place("sofa chair tvmonitor pottedplant cat dog person bottle", ("room",), (52, 66), flying=False),
    "hall": Place("tvmonitor sofa bottle chair pottedplant bicycle person cat", ("room",), (50, 64), flying=False),
    "airfield": Place("aeroplane bus car person train", ("town",), (44, 60)),
    "night": Place("car person cat train bus aeroplane tvmonitor boat", ("green",), (34, 50), (170, 182, 226)),
}
DAYS = [  # top of the sky, horizon, clouds
    ((66, 128, 202), (196, 222, 240), (255, 255, 255)),
    ((98, 160, 216), (220, 232, 238), (255, 255, 255)),
    ((126, 150, 176), (206, 214, 220), (238, 240, 242)),
    ((58, 112, 178), (224, 216, 198), (255, 248, 236)),
]
DUSKS = [
    ((70, 82, 140), (250, 178, 120), (255, 196, 168)),
    ((88, 104, 160), (248, 204, 150), (252, 216, 190)),
    ((120, 110, 150), (252, 190, 150), (255, 208, 190)),
]
HOUSES = [(196, 168, 140), (178, 120, 98), (208, 198, 182), (150, 158, 164), (220, 190, 130), (160, 140, 150)]
PAPERS = [(196, 208, 190), (222, 206, 176), (178, 196, 212), (214, 182, 170), (204, 200, 214), (226, 222, 210)]
GRASSES = [((44, 74, 22), (156, 184, 84)), ((58, 78, 28), (190, 186, 100)), ((36, 70, 34), (132, 170, 92))]
EVENINGS = [((52, 62, 26), (164, 142, 76)), ((64, 58, 34), (178, 138, 84)), ((48, 52, 36), (140, 124, 78))]
NIGHTS = [((14, 26, 28), (58, 84, 72)), ((18, 24, 36), (66, 78, 96)), ((12, 26, 22), (48, 76, 60))]
SANDS = [((168, 138, 92), (244, 224, 178)), ((184, 160, 118), (250, 236, 204))]
STONES = [((58, 58, 62), (150, 148, 146)), ((76, 72, 70), (168, 162, 156)), ((50, 54, 60), (132, 136, 142))]
PAVINGS = [((120, 76, 60), (212, 176, 148)), ((112, 112, 114), (206, 202, 196)), ((136, 100, 76), (224, 198, 166))]
WATERS = [((24, 74, 118), (126, 180, 206)), ((28, 92, 116), (150, 204, 206)), ((44, 84, 122), (170, 196, 214))]
FLOORS = [((92, 54, 28), (212, 158, 102)), ((74, 50, 36), (176, 132, 96)), ((128, 92, 58), (232, 196, 148))]
SOILS = {
    "meadow": ("grass", 240, GRASSES),
    "dusk": ("grass", 240, EVENINGS),
    "street": ("gravel", 420, STONES),
    "square": ("brick", 200, PAVINGS),
    "railway": ("gravel", 200, STONES),
    "sea": ("ripples", 260, WATERS),
    "beach": ("gravel", 620, SANDS),
    "room": ("planks", 200, FLOORS),
    "hall": ("planks", 260, FLOORS),
    "airfield": ("gravel", 560, STONES),
    "night": ("grass", 240, NIGHTS),
}


@lru_cache(maxsize=64)
def grounds(name: str, size: int) -> list[np.ndarray]:
    """Plates of the ground, (size, 2 size, 3) uint8, the first row at the horizon."""
    dice = Dice(71, list(PLACES).index(name), size)
    kind, near, tints = SOILS[name]
    texture = {"planks": textures.planks, "ripples": textures.ripples}.get(kind, lambda: textures.photo(kind))()
    plates = []
    for number in range(PLATES):
        dark, light = tints[number % len(tints)]
        air = {"night": (40, 48, 78), "dusk": (226, 170, 130)}.get(name, (205, 215, 222))
        haze = tuple((a + b) // 2 for a, b in zip(light, air, strict=True)) if PLACES[name].flying else dark
        texture = texture if number % 2 else texture[:, ::-1]
        plates.append(textures.ground(dice, size, texture, near * 160 // size, dark, light, haze))
    return plates


@lru_cache(maxsize=64)
def backdrops(name: str, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Plates of what lies above the horizon: (size, 2 size, 3) uint8, and its geometry (size, 2 size) uint8."""
    dice = Dice(72, list(PLACES).index(name), size)
    if not PLACES[name].flying:
        kinds = ("plaster", "stripes", "dots", "tiles", "brick")
        start = dice.below(len(PAPERS))
        walls = [
            textures.wallpaper(dice, size, PAPERS[(start + number) % len(PAPERS)], kinds[number % len(kinds)])
            for number in range(PLATES)
        ]
        return [(wall, np.full(wall.shape[:2], VERTICAL, np.uint8)) for wall in walls]
    return [_outdoors(name, size, dice) for _ in range(PLATES)]


def _outdoors(name: str, size: int, dice: Dice) -> tuple[np.ndarray, np.ndarray]:
    top, low, cloud = dice.pick(DUSKS if name == "dusk" else DAYS)
    if name == "night":
        plate = textures.stars(dice, size, (14, 18, 46), (58, 66, 110))
        low = (52, 58, 92)
    else:
        plate = textures.sky(dice, size, top, low, cloud, dice.between(18, 48))
    geometry = np.full(plate.shape[:2], SKY, np.uint8)
    if name in ("street", "square"):
        geometry[textures.buildings(dice, size, plate, HOUSES, low)] = VERTICAL
    if name in ("meadow", "dusk", "railway", "airfield", "night"):
        for distance in (2, 1):
            _hills(plate, geometry, size, dice, distance, low, dark=name == "night")
    if name in ("sea", "beach") and dice.chance(60):
        _hills(plate, geometry, size, dice, 2, low, dark=False)
    return plate, geometry


def _hills(plate, geometry, size: int, dice: Dice, distance: int, haze, dark: bool) -> None:
    """Draw a line of wooded hills into the plate: pale where far (distance 2), greener where near (1)."""
    heights = textures.ridge(dice, 2 * size, size // 2, size // 40, size * (9 * distance) // 100)
    trees = textures.noise(dice, size, 2 * size, (size // 12, size // 12), 4)
    if distance == 1:
        heights = heights + trees[0] * size // 255 // 28
    rows = np.arange(size)[:, None]
    hill = rows >= size - heights[None, :]
    green = textures.mix((30, 52, 30), (98, 126, 66), trees)
    if dark:
        green = textures.mix((12, 18, 24), (34, 42, 50), trees)
    pale = np.full(hill.shape, 170 if distance == 2 else 60)
    plate[hill] = textures.mix(green, haze, pale)[hill]
    geometry[hill] = VERTICAL
