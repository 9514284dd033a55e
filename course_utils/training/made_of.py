"""What makes a training: all that decides its weights, by name, so that two can be told apart (lectures 04 to 10)."""

import functools
import hashlib
import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.utils.data
from torch import Tensor, nn

from course_utils.data.dataset import Dataset
from course_utils.training.batches import Drawn, chance_kept
from course_utils.training.settings import Settings

PACKAGE = Path(__file__).parent.parent
CODE = (
    "models",
    "data",
    "losses.py",
    "training/loop.py",
    "training/batches.py",
    "training/cells.py",
    "training/instances.py",
    "training/kept_maps.py",
    "training/settings.py",
    "training/processes.py",
)
SAMPLES = 5
WHOLE = 2000


def made_of(net: nn.Module, dataset, loss, settings: Settings, prepare, machine) -> dict[str, Any]:
    """Everything that decides a training's weights, by name: settings as they are, the rest in words with a hash.

    Of pictures on disk, the names count and the pictures themselves: all of up to 2,000, else 2,000 spread over them.
    Of other data sets, what they hold in memory. Of both, a few as augmented; of functions, their code and what they
    hold on to; of nets, layers and first weights; of the library, the files that have a say in it.
    """
    size = sum(parameter.numel() for parameter in net.parameters())
    word = repr(loss) if isinstance(loss, nn.Module) else getattr(loss, "__qualname__", type(loss).__name__)
    return settings.describe() | {
        "pictures": len(dataset),
        "pictures a step": settings.batch * settings.accumulate * machine.processes,
        "what the pictures show (hash)": digest(*describe_data(dataset, settings.seed)),
        "loss": f"{word} ({digest(describe(loss))})",
        "prepare (hash)": digest(describe(prepare)),
        "net": f"{type(net).__name__} of {size:,} parameters ({digest(*layers(net))})",
        "first weights": digest(*weights(net)),
        "machine": f"{machine.device.type}, {machine.precision}, processes: {machine.processes}",
        "torch": str(torch.__version__),
        "code of the library (hash)": code_version(),
    }


def fingerprint(made: dict[str, Any], validate: Callable | None = None) -> str:
    """Sixteen hexadecimal digits that stand for one training, and for what was validated on the way."""
    return digest(json.dumps(made, sort_keys=True), describe(validate), length=16)


def digest(*parts: str | bytes, length: int = 12) -> str:
    """Hexadecimal digits that stand for some text and bytes."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part if isinstance(part, bytes) else part.encode())
        sha.update(b"\0")
    return sha.hexdigest()[:length]


@functools.cache
def code_version() -> str:
    """A hash of the library's source files that have a say in a training."""
    parts = []
    for name in CODE:
        path = PACKAGE / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            parts += [file.relative_to(PACKAGE).as_posix(), file.read_bytes()]
    return digest(*parts)


def layers(net: nn.Module) -> Iterator[str]:
    """A net's layers: their settings, what they call, their code where it is not a package's, and which of them learn."""
    for name, module in net.named_modules():
        held = {
            key: describe(value)
            for key, value in sorted(vars(module).items())
            if key != "training" and not key.startswith("_") and (is_plain(value) or is_function(value))
        }
        yield f"{name} {source_of(type(module))} {held}"
    for name, value in (*net.named_parameters(), *net.named_buffers()):
        yield f"{name} {value.dtype} {tuple(value.shape)} {value.requires_grad}"


def weights(net: nn.Module) -> Iterator[bytes]:
    """A net's parameters and buffers as bytes."""
    for _, value in (*net.named_parameters(), *net.named_buffers()):
        yield raw(value)


def describe_data(dataset, seed: int) -> Iterator[str | bytes]:
    """The names of all pictures, what a data set holds, and pictures as they are and as they are transformed."""
    facts = {key: getattr(dataset, key, None) for key in ("name", "split", "classes", "items")}
    yield f"{type(dataset).__qualname__} {len(dataset)} {without_addresses(repr(facts))}"
    if isinstance(dataset, Dataset):
        yield describe(dataset.transform)
        for place in spread(len(dataset), WHOLE):  # with instances, depth and geometry, where they are known
            yield from (raw(value) for value in vars(dataset.sample(place)).values() if value is not None)
    else:  # numbers and names that it holds show in its samples, where they matter
        held = {key: value for key, value in sorted(vars(dataset).items()) if not is_scalar(value) and key not in facts}
        yield describe(held)
    drawn = Drawn(dataset, seed)
    with chance_kept(torch.device("cpu")):
        for place in spread(len(dataset), SAMPLES):
            yield from (describe(value) for value in drawn[(0, place)])


def spread(count: int, most: int) -> list[int]:
    """Places of up to so many items, from the first to the last."""
    most = min(count, most)
    return sorted({round(part * (count - 1) / max(1, most - 1)) for part in range(most)})


def describe(value, within: tuple[int, ...] = ()) -> str:
    """Anything by what it is made of: numbers as they print, tensors by a hash, functions by their code, objects by
    what they hold.
    """
    if id(value) in within:  # it holds itself
        return type(value).__qualname__
    inner = functools.partial(describe, within=(*within, id(value)))
    if is_plain(value):
        return repr(value)
    if isinstance(value, Tensor):
        return f"{value.dtype} {tuple(value.shape)} {digest(raw(value))}"
    if isinstance(value, np.ndarray) and value.dtype != object:
        return f"{value.dtype} {value.shape} {digest(np.ascontiguousarray(value).tobytes())}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {inner(part)}' for key, part in value.items())}}}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(inner, value))}]"
    if isinstance(value, functools.partial):
        return f"{inner(value.func)} {inner(value.args)} {inner(dict(sorted(value.keywords.items())))}"
    if inspect.ismethod(value):
        return f"{value.__name__} of {inner(value.__self__)}"
    if inspect.isfunction(value):
        held = [cell.cell_contents for cell in value.__closure__ or ()]
        held += [value.__defaults__, value.__kwdefaults__, globals_of(value)]
        return f"{source_of(value)} {inner(held)}"
    if isinstance(value, type) or inspect.isroutine(value):
        return source_of(value)
    if isinstance(value, nn.Module):
        return f"{digest(*layers(value))} {digest(*weights(value))}"
    if isinstance(value, torch.utils.data.Dataset) and hasattr(value, "__len__"):
        return digest(*describe_data(value, 0))
    if hasattr(value, "__dict__"):
        return f"{source_of(type(value))} {inner(vars(value))}"
    return without_addresses(repr(value))


def globals_of(function: Callable) -> dict[str, Any]:
    """What a function written by the reader takes from around it: constants, tensors, data sets, functions and classes."""
    if is_packaged(function):
        return {}
    around = {name: function.__globals__[name] for name in function.__code__.co_names if name in function.__globals__}
    return {
        name: value
        for name, value in sorted(around.items())
        if is_plain(value)
        or isinstance(value, Tensor | np.ndarray | torch.utils.data.Dataset)
        or ((isinstance(value, type) or is_function(value)) and getattr(value, "__module__", "") == function.__module__)
    }


def is_packaged(thing: type | Callable) -> bool:
    """Whether something came with a package; the library's own code counts as a whole."""
    return (thing.__module__ or "").startswith(("torch", "timm.", "course_utils."))


def source_of(thing: type | Callable) -> str:
    """A class or function by its name, with its source where it was not installed with a package."""
    name = f"{thing.__module__}.{thing.__qualname__}"
    if is_packaged(thing):
        return name
    try:
        return f"{name} {inspect.getsource(thing)}"
    except (OSError, TypeError):
        return name


def is_function(value) -> bool:
    """Whether a value is a function, or one with some of its arguments filled in."""
    return inspect.isroutine(value) or isinstance(value, functools.partial)


def is_scalar(value) -> bool:
    """Whether a value is one number, name or truth."""
    return value is None or isinstance(value, bool | int | float | str | bytes)


def is_plain(value) -> bool:
    """Whether a value prints the same in every run."""
    return all(map(is_plain, value)) if isinstance(value, tuple | list) else is_scalar(value)


def without_addresses(text: str) -> str:
    """A printed object without its place in memory."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def raw(value: Tensor) -> bytes:
    """A tensor's numbers as bytes."""
    # flattened, since a 1x1 kernel in channels_last is contiguous with strides that no other type can be viewed in
    return value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
