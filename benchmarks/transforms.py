"""How fast are the course's transforms, beside torchvision's and albumentations'? (lecture 08)

    python benchmarks/transforms.py [--pairs 200] [--size 160] [--threads 2]

albumentations is not needed by the course; where it is installed, it is timed too.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

from course_utils.data.dataset import load
from course_utils.data.transforms import Augment, elastic_deformation


def pairs_per_second(work: Callable, pairs: list, repeats: int = 3) -> float:
    """The best of some rounds, so that a busy machine disturbs less."""
    best = 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        for image, mask in pairs:
            work(image, mask)
        best = max(best, len(pairs) / (time.perf_counter() - start))
    return best


def candidates(size: int) -> dict[str, Callable]:
    """Name to function of (image, mask)."""
    augment = Augment((size, size), scale=(0.8, 1.6), degrees=10, flip=0.5, sigma=10, jitter=0.3)
    torchvision = v2.ElasticTransform(alpha=50.0, sigma=5.0)
    found = {
        "course: elastic deformation alone": elastic_deformation,
        "course: crop, scale, turn, flip, elastic, colour": augment,
        "torchvision: ElasticTransform alone": lambda image, mask: torchvision(
            tv_tensors.Image(image), tv_tensors.Mask(mask)
        ),
    }
    try:
        import albumentations
    except ModuleNotFoundError:
        return found
    bend = albumentations.ElasticTransform(alpha=50, sigma=5, p=1.0)

    def albumentations_elastic(image, mask):
        bend(image=image.permute(1, 2, 0).numpy(), mask=mask.numpy().astype("uint8"))

    return found | {"albumentations: ElasticTransform alone": albumentations_elastic}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    settings = parser.parse_args()
    torch.set_num_threads(settings.threads)
    stickers = load("stickers", "trainval", images=settings.pairs, size=settings.size)
    pairs = [stickers[index] for index in range(len(stickers))]
    speeds = {name: pairs_per_second(work, pairs) for name, work in candidates(settings.size).items()}
    reference = speeds["course: elastic deformation alone"]
    print(f"{len(pairs)} pairs of {settings.size}x{settings.size}, {settings.threads} threads")
    for name, speed in speeds.items():
        print(f"{name:50} {speed:8.0f} pairs/s   {speed / reference:6.2f} x the course's elastic deformation")


if __name__ == "__main__":
    main()
