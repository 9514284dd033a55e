"""Small file sets in the layouts in which the data sets are published, made from their descriptions."""

import json
from pathlib import Path

import h5py
import numpy as np
import scipy.io
import tifffile
from PIL import Image

DICE = np.random.default_rng(0)


def save_image(path: Path, height=24, width=32):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(DICE.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)


def save_mask(path: Path, values: np.ndarray):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def save_list(path: Path, names):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}\n" for name in names))


def two_things(first=1, second=2, height=24, width=32):
    values = np.zeros((height, width), np.uint8)
    values[2:10, 3:12], values[12:20, 15:30] = first, second
    return values


def make_voc(root: Path, year="2012"):
    base = root / {"2012": "VOCdevkit/VOC2012", "2011": "TrainVal/VOCdevkit/VOC2011"}[year]
    classes, things = two_things(15, 7), two_things(1, 2)
    classes[1], things[1] = 255, 255
    for name in ("2007_000001", "2007_000002", "2007_000003"):
        save_image(base / "JPEGImages" / f"{name}.jpg")
        save_mask(base / "SegmentationClass" / f"{name}.png", classes)
        save_mask(base / "SegmentationObject" / f"{name}.png", things)
    lists = base / "ImageSets" / "Segmentation"
    save_list(lists / "train.txt", ["2007_000001"])
    save_list(lists / "val.txt", ["2007_000002", "2007_000003"])
    save_list(lists / "trainval.txt", ["2007_000001", "2007_000002", "2007_000003"])


def make_sbd(root: Path):
    base = root / "benchmark_RELEASE" / "dataset"
    for name in ("2007_000001", "2007_000002", "2007_000003"):
        save_image(base / "img" / f"{name}.jpg")
        for folder in ("cls", "inst"):
            (base / folder).mkdir(parents=True, exist_ok=True)
        scipy.io.savemat(base / "cls" / f"{name}.mat", {"GTcls": {"Segmentation": two_things(15, 7)}})
        inst = {"Segmentation": two_things(1, 2), "Categories": np.array([[15], [7]], np.uint8)}
        scipy.io.savemat(base / "inst" / f"{name}.mat", {"GTinst": inst})
    save_list(base / "train.txt", ["2007_000001", "2007_000003"])
    save_list(base / "val.txt", ["2007_000002"])


def make_nyudv2(root: Path):
    """MATLAB 7.3 keeps (H, W, 3, N) as (N, 3, W, H); classes 1..894 are mapped to 1..40, 0 is unlabelled."""
    root.mkdir(parents=True, exist_ok=True)
    labels = np.zeros((3, 24, 32), np.uint16)
    labels[:, 2:10, 3:12], labels[:, 12:20, 15:30] = 2, 894
    images = DICE.integers(0, 256, (3, 24, 32, 3), dtype=np.uint8)
    depths = np.tile(np.linspace(1, 5, 24, dtype=np.float32)[None, :, None], (3, 1, 32))
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "w", userblock_size=512) as file:
        file["images"] = images.transpose(0, 3, 2, 1)
        file["labels"] = labels.transpose(0, 2, 1)
        file["depths"] = depths.transpose(0, 2, 1)
    with open(root / "nyu_depth_v2_labeled.mat", "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    scipy.io.savemat(root / "splits.mat", {"trainNdxs": np.array([[1], [3]]), "testNdxs": np.array([[2]])})
    mapping = np.full((1, 894), 40, np.uint8)
    mapping[0, 1] = 2
    scipy.io.savemat(root / "classMapping40.mat", {"mapClass": mapping, "className": np.array(["a", "b"], object)})
    return images, depths


def make_siftflow(root: Path):
    base = root / "SiftFlowDataset"
    scenes = "spatial_envelope_256x256_static_8outdoorcategories"
    semantic = two_things(28, 21).astype(np.uint8)
    geometry = np.where(semantic > 0, semantic % 3 + 1, -1).astype(np.int8)
    for name in ("coast_bea1", "coast_bea2", "street_urb3"):
        save_image(base / "Images" / scenes / f"{name}.jpg")
        for folder, values in (("SemanticLabels", semantic), ("GeoLabels", geometry)):
            (base / folder / scenes).mkdir(parents=True, exist_ok=True)
            scipy.io.savemat(base / folder / scenes / f"{name}.mat", {"S": values, "names": np.array(["x"], object)})
    (base / "TestSet1.txt").write_bytes(f"{scenes}\\coast_bea2.jpg\r\n".encode())


def make_camvid(root: Path):
    for part in ("train", "val", "test"):
        save_image(root / "CamVid" / part / "0001TP_000001.png")
        save_mask(root / "CamVid" / f"{part}annot" / "0001TP_000001.png", two_things(8, 11))


def make_isbi2012(root: Path):
    root.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(root / "train-volume.tif", DICE.integers(0, 256, (30, 64, 64), dtype=np.uint8))
    tifffile.imwrite(root / "train-labels.tif", DICE.choice(np.array([0, 255], np.uint8), (30, 64, 64)))


def make_dsb2018(root: Path):
    for part in ("train", "test"):
        for folder in ("images", "masks"):
            (root / part / folder).mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(root / part / "images" / "a1.tif", DICE.integers(0, 256, (24, 32), dtype=np.uint8))
        tifffile.imwrite(root / part / "masks" / "a1.tif", two_things(3, 300 % 256).astype(np.uint16) * 7)


def make_tracking(root: Path, folder: str):
    for film in ("01", "02"):
        for part in (film, f"{film}_GT/SEG", f"{film}_GT/TRA"):
            (root / folder / part).mkdir(parents=True, exist_ok=True)
        for frame in ("000", "001", "002"):
            tifffile.imwrite(root / folder / film / f"t{frame}.tif", DICE.integers(0, 256, (24, 32), dtype=np.uint8))
        tifffile.imwrite(root / folder / f"{film}_GT/SEG" / "man_seg001.tif", two_things(4, 9).astype(np.uint16))
        tifffile.imwrite(root / folder / f"{film}_GT/TRA" / "man_track001.tif", two_things(4, 9).astype(np.uint16))


def make_pennfudan(root: Path, count=60):
    for number in range(1, count + 1):
        save_image(root / "PennFudanPed" / "PNGImages" / f"FudanPed{number:05d}.png")
        save_mask(root / "PennFudanPed" / "PedMasks" / f"FudanPed{number:05d}_mask.png", two_things(1, 2))


def make_pets(root: Path):
    for name in ("Abyssinian_1", "beagle_2"):
        save_image(root / "images" / f"{name}.jpg")
        save_mask(
            root / "annotations" / "trimaps" / f"{name}.png",
            two_things(1, 3) + 2 * (two_things(1, 1) == 0).astype(np.uint8),
        )
    for split, name in (("trainval", "Abyssinian_1"), ("test", "beagle_2")):
        (root / "annotations" / f"{split}.txt").write_text(f"{name} 1 1 1\n")


def make_coco(root: Path):
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    save_image(root / "val2017" / "000000000007.jpg")
    save_image(root / "val2017" / "000000000009.jpg")
    square = {"image_id": 7, "category_id": 18, "iscrowd": 0, "area": 100.0, "bbox": [2, 2, 10, 10]}
    small = {"image_id": 7, "category_id": 1, "iscrowd": 0, "area": 16.0, "bbox": [4, 4, 4, 4]}
    crowd_counts = [24 * 20, 24 * 12]
    notes = [
        {"id": 1, **square, "segmentation": [[2, 2, 12, 2, 12, 12, 2, 12]]},
        {"id": 2, **small, "segmentation": [[4, 4, 8, 4, 8, 8, 4, 8]]},
        {"id": 3, "image_id": 7, "category_id": 1, "iscrowd": 1, "area": 288.0, "bbox": [20, 0, 12, 24]}
        | {"segmentation": {"size": [24, 32], "counts": crowd_counts}},
    ]
    pictures = [{"id": n, "file_name": f"{n:012d}.jpg", "height": 24, "width": 32} for n in (7, 9)]
    categories = [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}]
    text = json.dumps({"images": pictures, "annotations": notes, "categories": categories})
    (root / "annotations" / "instances_val2017.json").write_text(text)
