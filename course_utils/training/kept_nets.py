"""Trained nets kept by what shaped them: change any of it, and the net is trained anew (lectures 04 to 10)."""

import functools
import hashlib
import inspect
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from course_utils.data.registry import cache_folder
from course_utils.training.batches import Drawn, chance_kept
from course_utils.training.progress import History
from course_utils.training.saving import read, save, writable
from course_utils.training.settings import Settings


def trained_folder() -> Path:
    """Where trained nets are kept: `COURSE_CACHE`, or the folder that downloads use."""
    own = os.environ.get("COURSE_CACHE")
    return (Path(own).expanduser() if own else cache_folder()) / "trained"


def train_or_load(
    name: str,
    net: nn.Module,
    dataset,
    loss: nn.Module | Callable,
    settings: Settings | None = None,
    *,
    folder: Path | None = None,
    say: Callable[[str], None] = print,
    **options,
) -> History:
    """Train a net, or fill it with the weights that the very same training gave before.

    The same: a hash of the net's layers and first weights, of the pictures, the loss, the settings, the kind of device,
    the versions of the library's code and of torch. A training that was broken off is continued.

    Args:
        name: begins the file's name, such as "fcn32s".
        net, dataset, loss, settings: as for `train`; the net is changed in place.
        folder: where trained nets are kept; see `trained_folder`.
        say: told whether it was loaded.
        options: passed on to `train`.

    Returns:
        the history, that of the first time where the net was loaded
    """
    from course_utils.training.loop import train

    pass
    from course_utils.training.processes import Alone

    settings = settings or Settings()
    machine = options.pop("machine", None) or Alone(options.pop("device", "auto"), settings.precision)
    key = fingerprint(net, dataset, loss, settings, options.get("prepare"), options.get("validate"), machine)
    folder = Path(folder) if folder else trained_folder()
    path = folder / f"{name}-{key}.pt"
    if path.exists():
        try:
            state = read(path)
            net.to(machine.device).load_state_dict(state["net"])
            net.eval()
            history = History(**state["history"])
            say(f"{name}: loaded, as trained before in {history.seconds:.0f} s ({path.name})")
            return history
        except (ValueError, RuntimeError, KeyError) as error:
            say(f"{name}: the kept net cannot be used ({error}), so it is trained again")
    part = folder / f"{name}-{key}.unfinished.pt"
    if not writable(folder):
        say(f"{name}: '{folder}' cannot be written, so this net will not be kept")
        return train(net, dataset, loss, settings, machine=machine, **options)
    history = train(net, dataset, loss, settings, machine=machine, checkpoint=part, **options)
    if machine.process == 0:
        save({"net": net.state_dict(), "history": asdict(history)}, path)
        part.unlink(missing_ok=True)
    return history


PACKAGE = Path(__file__).parent.parent
CODE = (
    "models",
    "data",
    "losses.py",
    "training/loop.py",
    "training/batches.py",
    "training/settings.py",
    "training/processes.py",
)
SAMPLES = 5


def fingerprint(net: nn.Module, dataset, loss, settings: Settings, prepare, validate, machine) -> str:
    """Sixteen hexadecimal digits that stand for one training.

    Of the pictures, the names count and a few of the pictures themselves, as augmented; of functions, their code.
    """
    sha = hashlib.sha256()
    for part in (
        *describe_net(net),
        *describe_data(dataset, settings.seed),
        *(describe_net(loss) if isinstance(loss, nn.Module) else [describe(loss)]),
        json.dumps(settings.describe(), sort_keys=True),
        describe(prepare),
        describe(validate),
        f"{machine.device.type} {machine.precision} {machine.processes} torch {torch.__version__}",
        code_version(),
    ):
        sha.update(part if isinstance(part, bytes) else part.encode())
        sha.update(b"\0")
    return sha.hexdigest()[:16]


@functools.cache
def code_version() -> str:
    """A hash of the library's source files that have a say in a training."""
    sha = hashlib.sha256()
    for name in CODE:
        path = PACKAGE / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            sha.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0" + file.read_bytes())
    return sha.hexdigest()


def describe_net(net: nn.Module) -> Iterator[str | bytes]:
    """A net's layers, their settings, their code where it is not a package's, and their weights."""
    for name, module in net.named_modules():
        settings = {
            key: repr(value)
            for key, value in sorted(vars(module).items())
            if key != "training" and not key.startswith("_") and is_plain(value)
        }
        functions = [describe(value) for key, value in sorted(vars(module).items()) if is_function(value)]
        yield f"{name} {source_of(type(module))} {settings} {functions}"
    for name, value in (*net.named_parameters(), *net.named_buffers()):
        yield f"{name} {value.dtype} {tuple(value.shape)} {value.requires_grad}"
        yield raw(value)


def describe_data(dataset, seed: int) -> Iterator[str | bytes]:
    """The names of all pictures, how they are transformed, and some of the pictures."""
    facts = {key: getattr(dataset, key, None) for key in ("name", "split", "classes", "items")}
    yield f"{type(dataset).__qualname__} {len(dataset)} {without_addresses(repr(facts))}"
    yield describe(getattr(dataset, "transform", None))
    places = sorted({round(part * (len(dataset) - 1) / (SAMPLES - 1)) for part in range(SAMPLES)})
    drawn = Drawn(dataset, seed)
    with chance_kept(torch.device("cpu")):
        for place in places:
            for value in drawn[(0, place)]:
                yield raw(value) if isinstance(value, Tensor) else without_addresses(repr(value))


def describe(function: Callable | None) -> str:
    """A function by its code and what it holds on to; any other object by what it prints."""
    if isinstance(function, functools.partial):
        return f"{describe(function.func)} {function.args!r} {sorted(function.keywords.items())!r}"
    if inspect.isfunction(function):
        held = [cell.cell_contents for cell in function.__closure__ or ()]
        plain = [repr(value) for value in held if is_plain(value)]
        return f"{source_of(function)} {function.__defaults__!r} {plain}"
    return without_addresses(repr(function))


def source_of(thing: type | Callable) -> str:
    """A class or function by its name, with its source where it was not installed with a package."""
    name = f"{thing.__module__}.{thing.__qualname__}"
    if name.startswith(("torch", "timm.", "course_utils.")):  # the library's own code counts as a whole
        return name
    try:
        return f"{name} {inspect.getsource(thing)}"
    except (OSError, TypeError):
        return name


def is_function(value) -> bool:
    """Whether a value is a function, or one with some of its arguments filled in."""
    return inspect.isroutine(value) or isinstance(value, functools.partial)


def is_plain(value) -> bool:
    """Whether a value prints the same in every run."""
    if isinstance(value, tuple | list):
        return all(is_plain(inner) for inner in value)
    return value is None or isinstance(value, bool | int | float | str | bytes)


def without_addresses(text: str) -> str:
    """A printed object without its place in memory."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def raw(value: Tensor) -> bytes:
    """A tensor's numbers as bytes."""
    # flattened, since a 1x1 kernel in channels_last is contiguous with strides that no other type can be viewed in
    return value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
