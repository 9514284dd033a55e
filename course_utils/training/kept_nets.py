"""Trained nets kept by what shaped them: change any of it, and the net is trained anew (lectures 04 to 10)."""

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from torch import nn

from course_utils.data.registry import cache_folder
from course_utils.training.loop import train
from course_utils.training.made_of import fingerprint, made_of
from course_utils.training.processes import Alone
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
    until: float | None = None,
    folder: Path | None = None,
    say: Callable[[str], None] = print,
    **options,
) -> History:
    """Train a net, or fill it with the weights that the very same training gave before.

    The same: by everything that `made_of` names. A training that was broken off is continued. So is one that was asked
    for `until` a share of its steps: its net of that time is kept as well, and one of the same first weights goes on.

    Args:
        name: begins the file's name, such as "fcn32s".
        net, dataset, loss, settings: as for `train`; the net is changed in place.
        until: as for `train`.
        folder: where trained nets are kept; see `trained_folder`.
        say: told whether it was loaded.
        options: passed on to `train`.

    Returns:
        the history, that of the first time where the net was loaded
    """
    settings = settings or Settings()
    machine = options.pop("machine", None) or Alone(options.pop("device", "auto"), settings.precision)
    made = made_of(net, dataset, loss, settings, options.get("prepare"), machine)
    key = fingerprint(made, options.get("validate"))
    folder = Path(folder) if folder else trained_folder()
    path = folder / (f"{name}-{key}.pt" if until is None else f"{name}-{key}-until-{until:g}.pt")
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
        return train(net, dataset, loss, settings, machine=machine, until=until, **options)
    history = train(net, dataset, loss, settings, machine=machine, until=until, checkpoint=part, made=made, **options)
    if machine.process == 0:
        save({"net": net.state_dict(), "history": asdict(history)}, path)
        if until is None:
            part.unlink(missing_ok=True)
    return history
