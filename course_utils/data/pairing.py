"""Which picture belongs to which mask, in a folder that someone else has laid out (lecture 10)."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import normalize

from course_utils.data.dataset import IMAGE_ENDINGS, pictures_in

# What folders are called, word by word: `SegmentationClassPNG` is one of masks, `leftImg8bit` one of pictures.
IMAGE_WORDS = {"image", "images", "img", "imgs", "picture", "pictures", "photo", "photos"}
MASK_WORDS = {"mask", "masks", "label", "labels", "ann", "annot", "annots", "annotation", "annotations", "target"}
MASK_WORDS |= {"targets", "seg", "segs", "segmentation", "segmentations", "gt", "groundtruth", "truth"}
THING_WORDS = {"object", "objects", "instance", "instances"}
SPLITS = {"train": "train", "training": "train", "trn": "train", "val": "val", "valid": "val", "validation": "val"}
SPLITS |= {"dev": "val", "test": "test", "testing": "test", "tst": "test"}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
RUN_TOGETHER = re.compile(r"^(train|valid|val|test)(?=annot|mask|label|image|img)", re.IGNORECASE)
# What stands before or behind the name that a picture and its mask share: `cat_mask`, `a_gtFine_labelIds`, `seg-7`.
MASK_MARKS = "masks?|labels?|gtfine_labelids|labelids|gt|seg|segmentation|annot|annotation"
MASK_MARK = re.compile(rf"^(?:{MASK_MARKS})[ ._-](?=.)|(?<=.)[ ._-](?:{MASK_MARKS})$")
IMAGE_MARK = re.compile(r"^(?:image|img)[ ._-](?=.)|(?<=.)[ ._-](?:image|img|leftimg8bit|sat)$")
NOT_MEANT = {"thumbs.db", "desktop.ini", "__macosx"}
READ_BY_PEOPLE = {"", ".md", ".txt", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".toml", ".html", ".log"}
# What outlines and boxes are known by, their file's name or how it begins; and how they become masks.
MENDED = "`course data check FOLDER --mend OUT` makes masks of them"
OUTLINES = [
    (r'"shapes"', "LabelMe's JSON", MENDED),
    (r'\Ainstances_|\A_annotations.coco|"annotations"\s*:', "COCO's JSON", MENDED),
    (r'\Avia_|"regions"', "VIA's JSON", "in VIA export annotations as COCO's JSON"),
    (r"<annotation\b", "Pascal VOC's XML", "it has boxes alone: export Pascal VOC with segmentation masks"),
    (r"<annotations\b", "CVAT's XML", "in CVAT export as Segmentation mask 1.1, or as COCO 1.0"),
    (
        r"\A[^\n]*\.txt\n\s*\d+( [\d.]+){4,}\s",
        "YOLO's text",
        "export COCO's JSON from the tool that drew them, since YOLO's text holds no holes",
    ),
]


@dataclass
class Found:
    """What lies in a folder.

    Args:
        pairs: by name, a picture and its mask; names begin with their split where folders tell it.
        splits: the splits that folders tell, such as ["train", "val"].
        pictures, masks: all of them, with or without a partner.
        things: of a picture with a mask of classes, the mask beside it in which each thing has a number.
        problems: what is left over and what it seems to be -> the files or folders.
        beside: what else lies there and need not be read -> how often.
    """

    pairs: dict[str, tuple[Path, Path]] = field(default_factory=dict)
    splits: list[str] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)
    masks: list[Path] = field(default_factory=list)
    things: dict[Path, Path] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    beside: Counter[str] = field(default_factory=Counter)


def find_pairs(root: Path) -> Found:
    """All pictures of a folder with their masks.

    Pictures lie in `images/` and masks in `masks/`, or under other usual names and in any case; in, above or below
    folders for splits (`train/images`, `images/train`, `valid/`), and in folders of the same name on both sides; or
    masks lie beside their pictures and are called `cat_mask.png`, or `cat.png` beside `cat.jpg`. Beside masks of classes
    there may be some of numbered things, as in VOC's `SegmentationObject/`. Whatever is not used is named.

    Raises:
        FileNotFoundError: where there is no such folder.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder '{root}'")
    found = Found()
    groups: dict[tuple[str, tuple[str, ...]], dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for folder in folders_in(root):
        _count_what_is_beside(folder, root, found)
        if pictures_in(folder):
            split, role, rest = _place(folder.relative_to(root).parts)
            groups[split, rest][role].append(folder)
    order = ["", *dict.fromkeys(SPLITS.values())]
    keys = sorted(groups, key=lambda key: (order.index(key[0]), key))
    matched = {key: _match(groups[key], root, found) for key in keys}
    found.splits = list(dict.fromkeys(split for (split, _), (pairs, *_) in matched.items() if split and pairs))
    for (split, rest), (pairs, *_) in matched.items():
        for picture, mask in sorted(pairs.items()):
            name = normalize("NFC", "/".join([*([split] if split else []), *rest, picture.stem]))
            if found.splits and not split:
                text = "left out, since others lie in folders for splits: move these into one, too"
                found.problems[text].append(str(picture.relative_to(root)))
            else:
                found.pairs[name if name not in found.pairs else f"{name}{picture.suffix}"] = picture, mask
    _name_leftovers(groups, matched, root, found)
    return found


def folders_in(root: Path, depth: int = 5) -> list[Path]:
    """A folder and those in it, hidden ones and a system's own left out."""
    inside = [entry for entry in sorted(root.iterdir()) if entry.is_dir() and not _is_noise(entry)] if depth else []
    return [root, *(folder for entry in inside for folder in folders_in(entry, depth - 1))]


def stamps(root: Path) -> tuple[tuple[str, int, int], ...]:
    """What changes when a file of a folder does: each one's path, time and size; nothing where there is no folder."""
    inside = folders_in(root) if root.is_dir() else []
    files = (path for folder in inside for path in sorted(folder.iterdir()) if path.is_file())
    return tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files)


def pair(pictures: Iterable[Path], masks: Iterable[Path]) -> dict[Path, Path]:
    """Pictures with the mask of their name.

    Equal names count first, then names that differ in case or in how an accent is written, `a.jpg.png` for `a.jpg`,
    then names without what marks a mask or a picture. Where two are equally near, neither is taken.
    """
    pictures, masks, pairs = list(pictures), list(masks), {}
    ways: list[tuple[Callable[[Path], str], Callable[[Path], str]]] = [
        (lambda picture: picture.name, lambda mask: mask.name),
        (lambda picture: picture.stem, lambda mask: mask.stem),
        (_folded, _folded),
        (lambda picture: _fold(picture.name), _folded),
        (_folded, _bare),
        (_bare, _bare),
    ]
    for of_picture, of_mask in ways:
        waiting, offered = defaultdict(list), defaultdict(list)
        for picture in pictures:
            if picture not in pairs:
                waiting[of_picture(picture)].append(picture)
        taken = set(pairs.values())
        for mask in masks:
            if mask not in taken:
                offered[of_mask(mask)].append(mask)
        for key, few in waiting.items():
            if len(few) == len(offered.get(key, ())) == 1:
                pairs[few[0]] = offered[key][0]
    return pairs


def _fold(name: str) -> str:
    return normalize("NFC", name).casefold()


def _folded(path: Path) -> str:
    return _fold(path.stem)


def _bare(path: Path) -> str:
    return IMAGE_MARK.sub("", MASK_MARK.sub("", _folded(path)))


def _is_noise(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in NOT_MEANT


def _place(parts: tuple[str, ...]) -> tuple[str, str, tuple[str, ...]]:
    """The split and role ("image", "mask", "thing" or "") that a folder's names tell, and the names that tell nothing."""
    split, role, rest = "", "", []
    for part in parts:
        words = {word.casefold() for word in WORD.findall(RUN_TOGETHER.sub(r"\1_", part))}
        here = next((SPLITS[word] for word in sorted(words & SPLITS.keys())), "")
        kind = "mask" if words & MASK_WORDS else "image" if words & IMAGE_WORDS else ""
        kind = "thing" if kind == "mask" and words & THING_WORDS else kind
        split, role = split or here, kind or role
        if not here and not kind:
            rest.append(part)
    return split, role, tuple(rest)


def _beside_each_other(files: list[Path]) -> tuple[list[Path], list[Path]]:
    """Pictures and masks of one folder that holds both."""
    marked = [path for path in files if MASK_MARK.search(_folded(path))]
    meant = {MASK_MARK.sub("", _folded(path)) for path in marked}
    masks = [path for path in marked if _folded(path) not in meant]
    if not masks:
        photographs = {_folded(path) for path in files if path.suffix.lower() in (".jpg", ".jpeg", ".jfif")}
        masks = [path for path in files if path.suffix.lower() in (".png", ".tif", ".tiff", ".bmp", ".gif")]
        masks = [path for path in masks if _folded(path) in photographs]
    return [path for path in files if path not in masks], masks


def _match(group: dict[str, list[Path]], root: Path, found: Found) -> tuple[dict[Path, Path], list[Path], list[Path]]:
    """The pairs of folders that belong together, and all of their pictures and masks."""
    places = {"pictures": group["image"] or group[""], "masks": group["mask"] or group["thing"]}
    for what, folders in places.items():
        folders.sort(key=lambda folder: (len(WORD.findall(folder.name)), folder))
        for folder in folders[1:]:
            text = f"second folder of {what}, left out: which one is meant? Move the other elsewhere"
            found.problems[text].append(f"{folder.relative_to(root)}/ beside {folders[0].relative_to(root)}/")
    if group["image"]:
        loose = [path for folder in group[""] for path in pictures_in(folder)]
        text = "picture outside of the folder of pictures, left out: move it there"
        found.problems.update({text: [str(path.relative_to(root)) for path in loose]} if loose else {})
    pictures, masks = (pictures_in(folders[0]) if folders else [] for folders in places.values())
    if not masks:
        pictures, masks = _beside_each_other(pictures)
    found.pictures += pictures
    found.masks += masks
    pairs = pair(pictures, masks)
    for folder in group["thing"] if group["mask"] else ():
        found.beside[f"{folder.relative_to(root)}/ (numbers of things)"] += 1
        found.things |= pair(pairs, pictures_in(folder))
    return pairs, pictures, masks


def _name_leftovers(groups, matched, root: Path, found: Found) -> None:
    """What has no partner, and what it seems to be."""
    lonely = {
        role: {
            _bare(path)
            for key, (pairs, *both) in matched.items()
            if groups[key][role] and not pairs
            for path in both[place]
        }
        for place, role in enumerate(("image", "mask"))
    }
    for key, (pairs, pictures, masks) in matched.items():
        taken = set(pairs.values())
        free = [path for path in pictures if path not in pairs]
        over = [path for path in masks if path not in taken]
        if not pairs and len(pictures) == 1 and len(masks) > 1:
            text = "several masks for one picture, one a thing, as Kaggle's Data Science Bowl 2018 has them: not read; "
            text += "`course data check FOLDER --mend OUT` makes one numbered mask of them"
            found.problems[text].append(f"{masks[0].parent.relative_to(root)}/")
            continue
        if not pairs and not (pictures and masks) and (key[1] or not groups[key]["image"]):
            folder = (pictures + masks)[0].parent
            names = {_bare(path) for path in (pictures + masks)}
            text = "folder that is not used: it holds pictures, but no masks of their names"
            if names & lonely["image"]:
                text = "folder that is not used: is it that of the masks? Rename it masks/"
            elif names & lonely["mask"] and pictures:
                text = "folder that is not used: is it that of the pictures? Rename it images/"
            if folder != root and (pictures or names & lonely["image"]):
                found.problems[text].append(f"{folder.relative_to(root)}/")
                continue
        stems, bare = {path.stem for path in pairs}, {_bare(path) for path in pairs}
        for path in free:
            text = "picture without a mask: add one of the same name, or leave it out"
            if path.stem in stems:
                text = "second picture of the same name, left out: which one is meant?"
            found.problems[text].append(str(path.relative_to(root)))
        for path in over:
            text = "mask without a picture: are their names equal?"
            if _bare(path) in bare:
                text = "second mask of a picture, left out: which one is meant?"
            found.problems[text].append(str(path.relative_to(root)))


def _count_what_is_beside(folder: Path, root: Path, found: Found) -> None:
    """Files that are no pictures, by what they seem to be; those that people read are no fault."""
    where = "" if folder == root else f"{folder.relative_to(root)}/"
    for path in sorted(folder.iterdir()):
        ending = path.suffix.lower()
        if not path.is_file() or _is_noise(path) or ending in IMAGE_ENDINGS or path.name.casefold() == "classes.txt":
            continue
        if ending not in READ_BY_PEOPLE:
            found.problems["no picture by its name: is it of a format that is not read?"].append(f"{where}{path.name}")
            continue
        with path.open("rb") as file:
            start = f"{path.name}\n{file.read(4096).decode('utf-8', errors='ignore')}"
        told = next((told for pattern, *told in OUTLINES if ending and re.search(pattern, start)), None)
        shown = "{}*{} ({}: outlines or boxes, no masks; {})".format(where, ending, *told) if told else ""
        found.beside[shown or f"{where}{path.name}"] += 1
