"""Where a scene plays: a backdrop above the horizon and a ground below it, in ready-made plates (stickers)."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

from course_utils.data.stickers.portable import Dice, resize

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
    texture = {"planks": planks, "ripples": ripples}.get(kind, lambda: photo(kind))()
    plates = []
    for number in range(PLATES):
        dark, light = tints[number % len(tints)]
        air = {"night": (40, 48, 78), "dusk": (226, 170, 130)}.get(name, (205, 215, 222))
        haze = tuple((a + b) // 2 for a, b in zip(light, air, strict=True)) if PLACES[name].flying else dark
        texture = texture if number % 2 else texture[:, ::-1]
        plates.append(ground(dice, size, texture, near * 160 // size, dark, light, haze))
    return plates


@lru_cache(maxsize=64)
def backdrops(name: str, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Plates of what lies above the horizon: (size, 2 size, 3) uint8, and its geometry (size, 2 size) uint8."""
    dice = Dice(72, list(PLACES).index(name), size)
    if not PLACES[name].flying:
        kinds = ("plaster", "stripes", "dots", "tiles", "brick")
        start = dice.below(len(PAPERS))
        walls = [
            wallpaper(dice, size, PAPERS[(start + number) % len(PAPERS)], kinds[number % len(kinds)])
            for number in range(PLATES)
        ]
        return [(wall, np.full(wall.shape[:2], VERTICAL, np.uint8)) for wall in walls]
    return [_outdoors(name, size, dice) for _ in range(PLATES)]


def _outdoors(name: str, size: int, dice: Dice) -> tuple[np.ndarray, np.ndarray]:
    top, low, cloud = dice.pick(DUSKS if name == "dusk" else DAYS)
    if name == "night":
        plate = stars(dice, size, (14, 18, 46), (58, 66, 110))
        low = (52, 58, 92)
    else:
        plate = sky(dice, size, top, low, cloud, dice.between(18, 48))
    geometry = np.full(plate.shape[:2], SKY, np.uint8)
    if name in ("street", "square"):
        geometry[buildings(dice, size, plate, HOUSES, low)] = VERTICAL
    if name in ("meadow", "dusk", "railway", "airfield", "night"):
        for distance in (2, 1):
            _hills(plate, geometry, size, dice, distance, low, dark=name == "night")
    if name in ("sea", "beach") and dice.chance(60):
        _hills(plate, geometry, size, dice, 2, low, dark=False)
    return plate, geometry


def _hills(plate, geometry, size: int, dice: Dice, distance: int, haze, dark: bool) -> None:
    """Draw a line of wooded hills into the plate: pale where far (distance 2), greener where near (1)."""
    heights = ridge(dice, 2 * size, size // 2, size // 40, size * (9 * distance) // 100)
    trees = noise(dice, size, 2 * size, (size // 12, size // 12), 4)
    if distance == 1:
        heights = heights + trees[0] * size // 255 // 28
    rows = np.arange(size)[:, None]
    hill = rows >= size - heights[None, :]
    green = mix((30, 52, 30), (98, 126, 66), trees)
    if dark:
        green = mix((12, 18, 24), (34, 42, 50), trees)
    pale = np.full(hill.shape, 170 if distance == 2 else 60)
    plate[hill] = mix(green, haze, pale)[hill]
    geometry[hill] = VERTICAL


Colour = tuple[int, int, int]


@lru_cache
def photo(name: str) -> np.ndarray:
    """A texture out of scikit-image's photographs, grey, (H, W) uint8, its contrast spread over 0..255."""
    files = {"wood": "coffee", "stars": "hubble_deep_field", "wall": "brick"}
    folder = Path(skimage.data.__file__).parent
    path = next(folder.glob(files.get(name, name) + ".*"))
    with Image.open(path) as picture:
        crops = {"wood": (400, 0, 600, 130), "wall": (0, 150, 512, 512)}
        picture = picture.crop(crops.get(name, (0, 0, *picture.size))).convert("L")
    if name == "wood":
        picture = picture.rotate(30, Image.Resampling.NEAREST).crop((45, 22, 160, 112))
        picture = resize(picture, (512, 512), Image.Resampling.BICUBIC)
    if name == "wall":
        picture = resize(picture.transpose(Image.Transpose.ROTATE_90), (512, 512), Image.Resampling.BICUBIC)
    grey = np.array(picture).astype(np.int32)
    if name == "stars":
        return grey.astype(np.uint8)
    # Take away what changes slowly (lamp light), so that the texture can be repeated.
    slow = resize(picture, (6, 6), Image.Resampling.BOX)
    slow = np.array(resize(slow, picture.size, Image.Resampling.BICUBIC))
    grey = grey - slow
    low, high = (int(np.sort(grey, axis=None)[grey.size * part // 100]) for part in (1, 99))
    return np.clip((grey - low) * 255 // (high - low), 0, 255).astype(np.uint8)


def noise(dice: Dice, height: int, width: int, cell: tuple[int, int], octaves: int = 4) -> np.ndarray:
    """Cloudy noise, (height, width) int32 in 0..255: random values on coarser and finer grids, added up."""
    total, weight = np.zeros((height, width), np.int32), 0
    for octave in range(octaves):
        rows, columns = (
            max(2, (length << octave) // size + 2) for length, size in zip((height, width), cell, strict=True)
        )
        grid = Image.fromarray(dice.bytes(rows, columns))
        share = 1 << octaves - octave
        total += share * np.array(resize(grid, (width, height), Image.Resampling.BICUBIC)).astype(np.int32)
        weight += share
    return np.clip((total // weight - 128) * 2 + 128, 0, 255)


def mix(first: np.ndarray | Colour, second: np.ndarray | Colour, share: np.ndarray) -> np.ndarray:
    """From the first to the second colour as `share`, (H, W), goes from 0 to 255; (H, W, 3) uint8."""
    first, second = (np.asarray(colour, dtype=np.int32) for colour in (first, second))
    share = np.asarray(share, dtype=np.int32)[..., None]
    return ((first * (255 - share) + second * share + 127) // 255).astype(np.uint8)


def sky(dice: Dice, size: int, top: Colour, low: Colour, cloud: Colour, cover: int) -> np.ndarray:
    """A sky (size, 2 size, 3) that pales towards the horizon, with clouds over about `cover` percent."""
    height, width = size, 2 * size
    rows = np.arange(height, dtype=np.int32)[:, None] * 255 // height
    air = mix(top, low, np.broadcast_to(rows, (height, width)))
    puffs = noise(dice, height, width, (size // 4, size // 2), 5)
    limit = int(np.sort(puffs, axis=None)[puffs.size * (100 - cover) // 100])
    thick = np.clip((puffs - limit) * 5, 0, 225)
    above = np.vstack([thick[:1].repeat(size // 24 + 1, 0), thick])[:height]
    shade = np.clip(262 - above // 7 - puffs // 12, 0, 255)
    lit = (np.asarray(cloud, np.int32) * shade[..., None] // 255).astype(np.uint8)
    return mix(air, lit, thick)


def stars(dice: Dice, size: int, top: Colour, low: Colour) -> np.ndarray:
    """A night sky (size, 2 size, 3): the Hubble deep field over dark blue."""
    field = photo("stars")
    crop = Image.fromarray(field[dice.below(field.shape[0] - 480) :][:480, dice.below(field.shape[1] - 960) :][:, :960])
    crop = resize(crop, (2 * size, size), Image.Resampling.BOX)
    rows = np.broadcast_to(np.arange(size, dtype=np.int32)[:, None] * 255 // size, (size, 2 * size))
    bright = np.clip((np.array(crop).astype(np.int32) - 36) * 3, 0, 255) * (255 - rows // 2) // 255
    return mix(mix(top, low, rows), (255, 250, 235), bright)


def ridge(dice: Dice, width: int, cell: int, low: int, high: int) -> np.ndarray:
    """Heights (width,) of a line of hills, between low and high pixels."""
    line = noise(dice, 2, width, (2, cell), 4)[0]
    return low + line * (high - low) // 255


def buildings(dice: Dice, size: int, sky_plate: np.ndarray, colours: list[Colour], haze: Colour) -> np.ndarray:
    """Draw a street front with windows into the sky plate; gives back where it stands, (H, W) bool."""
    height, width = sky_plate.shape[:2]
    standing = np.zeros((height, width), bool)
    left = -dice.below(size * 12 // 100)  # less than the narrowest house, so that the first is in the picture
    while left < width:
        wide = dice.between(size * 14 // 100, size * 34 // 100)
        top = height - dice.between(size * 12 // 100, size * 42 // 100)
        face = slice(max(0, left), min(width, left + wide))
        colour = np.array(dice.pick(colours), np.int32) * dice.between(80, 110) // 100
        grain = noise(dice, height - top, width, (size // 6, size // 6), 3)[:, face]
        wall = mix(tuple(np.clip(colour - 18, 0, 255)), tuple(np.clip(colour + 14, 0, 255)), grain)
        step, pane = max(5, size * dice.between(6, 9) // 100), max(2, size * 35 // 1000)
        rows, columns = np.arange(height - top), np.arange(face.start, face.stop) - left
        window = ((rows - step // 2) % step < pane)[:, None] & ((columns - step // 2) % step < pane)[None, :]
        window &= (columns[None, :] > step // 3) & (columns[None, :] < wide - step // 3)
        lit = (255, 226, 150) if dice.chance(25) else (88, 104, 122)
        wall = np.where(window[..., None], np.array(lit, np.uint8), wall)
        sky_plate[top:, face] = mix(wall, haze, np.full(wall.shape[:2], 60))
        standing[top:, face] = True
        left += wide + dice.below(3)
    return standing


def in_perspective(dice: Dice, size: int, texture: np.ndarray, near: int) -> np.ndarray:
    """A texture laid on the ground and seen towards the horizon, (size, 2 size) int32 in 0..255.

    Args:
        near: texels to a pixel at the lower edge, in hundredths.
    """
    height, width, shift = size, 2 * size, max(2, size // 16)
    pyramid = [texture]
    while pyramid[-1].shape[0] > 2:
        picture = Image.fromarray(pyramid[-1])
        half = (max(1, picture.width // 2), max(1, picture.height // 2))
        pyramid.append(np.array(resize(picture, half, Image.Resampling.BOX)))
    start_u, start_v = dice.below(512), dice.below(512)
    columns = np.arange(width) - width // 2
    seen = np.empty((height, width), np.int32)
    for row in range(height):
        distance = row + shift
        across = near * (height + shift) * 256 // (distance * 100)  # texels a pixel, in 1/256
        along = across * (height + shift) // distance
        level = min(len(pyramid) - 1, max(0, ((across + along) // 512).bit_length() - 1))
        source = pyramid[level]
        u = (start_u + (columns * across >> 8)) >> level
        v = (start_v + near * (height + shift) * (height + shift) // (100 * distance)) >> level
        seen[row] = source[v % source.shape[0]][u % source.shape[1]]
    return seen


def ground(dice: Dice, size: int, texture: np.ndarray, near: int, dark: Colour, light: Colour, haze: Colour):
    """Ground (size, 2 size, 3) from the horizon down, tinted between two colours, hazy in the distance."""
    seen = in_perspective(dice, size, texture, near)
    spots = noise(dice, size, 2 * size, (size // 5, size // 2), 3)
    tinted = mix(dark, light, np.clip(seen * 3 // 4 + spots // 4, 0, 255))
    far = np.clip(170 - np.arange(size, dtype=np.int32) * 170 * 4 // size, 0, 255)
    return mix(tinted, haze, np.broadcast_to(far[:, None], (size, 2 * size)))


@lru_cache
def planks() -> np.ndarray:
    """Floor boards, (512, 512) uint8: the photographed table's grain, sawn into boards."""
    grain = photo("wood").astype(np.int32)
    dice = Dice(5)
    for board in range(8):
        columns = slice(board * 64, board * 64 + 64)
        turned = np.roll(grain.T if board % 2 else grain.T[::-1], dice.below(512), axis=0)[:, columns]
        grain[:, columns] = np.clip(turned // 2 + 64 + dice.between(-25, 25), 0, 255)
        joint = dice.below(512)
        grain[joint : joint + 3, columns] //= 3
        grain[:, board * 64 : board * 64 + 3] //= 3
    return grain.astype(np.uint8)


@lru_cache
def ripples() -> np.ndarray:
    """Water, (512, 512) uint8: long, flat waves."""
    waves = noise(Dice(6), 512, 512, (24, 90), 4)
    return np.clip((waves - 128) * 3 // 2 + 118, 0, 255).astype(np.uint8)


def wallpaper(dice: Dice, size: int, colour: Colour, kind: str) -> np.ndarray:
    """An inner wall (size, 2 size, 3): plaster, stripes, dots, tiles or painted brick, with a skirting board."""
    height, width = size, 2 * size
    base = np.array(colour, np.int32)
    dark, light = tuple(np.clip(base * 80 // 100, 0, 255)), tuple(np.clip(base * 108 // 100 + 8, 0, 255))
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    plaster = noise(dice, height, width, (size // 3, size // 3), 5)
    share = 110 + (plaster - 128) // 3
    step = max(6, size * dice.between(7, 13) // 100)
    if kind == "stripes":
        share = share + 70 * ((columns // (step // 2)) % 2)
    elif kind == "dots":
        odd = (rows // step) % 2 * (step // 2)
        inside = ((columns + odd) % step - step // 2) ** 2 + (rows % step - step // 2) ** 2 < (step // 5 + 1) ** 2
        share = share + 100 * inside
    elif kind == "tiles":
        share = share + 40 - 90 * ((rows % step < 1) | (columns % step < 1))
    elif kind == "brick":
        brick = np.array(resize(Image.fromarray(photo("wall")), (size, size), Image.Resampling.BOX))
        share = share // 2 + np.hstack([brick, brick[:, ::-1]]).astype(np.int32) * 3 // 5
    wall = mix(dark, light, np.clip(share, 0, 255))
    board = max(2, size * 4 // 100)
    wall[-board:] = mix(light, (255, 255, 255), np.full((board, width), 120))
    wall[-board] = dark
    glow = np.clip(60 - rows * 60 // height + 0 * columns, 0, 255)
    return mix(wall, (255, 250, 235), glow)
