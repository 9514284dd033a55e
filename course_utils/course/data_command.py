"""`course data`: list, get, check and look at data sets (all lectures)."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Data sets: list, download, check, find, show and make them.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="A data set's name, as `course data list` shows it.")]


def _stop(error: Exception) -> typer.Exit:
    typer.secho(f"course: {error}", fg="red", err=True)
    return typer.Exit(2)


def _meant(name: str):
    """The registry's entry or the folder that a name stands for, and a word where it could be both.

    Raises:
        ValueError: where it is neither; names the nearest data set.
    """
    from course_utils.data.registry import REGISTRY, find, find_entry

    entry, folder = REGISTRY.get(name), Path(name).expanduser()
    if folder.is_dir() and (entry is None or name == "folder"):
        return folder
    if entry is None:
        try:
            find_entry(name)
        except ValueError as error:
            raise ValueError(f"there is no folder '{name}', and {error}") from None
    if name == "folder":
        raise ValueError("which folder? Its own name is meant, such as my_data")
    if folder.is_dir() and find(entry):
        typer.echo(f"'{name}' is the registry's data set; for the folder beside you write ./{name}")
    elif folder.is_dir():
        typer.echo(f"'{name}' is the folder beside you: the registry's data set of that name is not on this machine")
        return folder
    return entry


@app.command("list")
def list_data_sets() -> None:
    """All data sets: what they are, how large, and whether they are on this machine."""
    from rich.console import Console
    from rich.table import Table

    from course_utils.data.registry import REGISTRY, find

    table = Table("name", "what", "splits", "MB", "here", title="Data sets of the course")
    for entry in REGISTRY.values():
        splits = ", ".join(
            f"{split} {count:,}" if count else split
            for split, count in zip(entry.splits, entry.counts, strict=True)
            if "_" not in split
        )
        here = "always" if not entry.markers else "yes" if find(entry) else "no"
        table.add_row(entry.name, entry.what, splits, f"{entry.megabytes:,}" if entry.files else "", here)
    Console().print(table)


@app.command()
def where(name: Annotated[str | None, typer.Argument(help="One data set; all by default.")] = None) -> None:
    """Where data sets are looked for, and where each one lies."""
    from course_utils.data.registry import REGISTRY, data_folders, find, find_entry, folder_of

    if name is not None:
        try:
            entry = find_entry(name)
            typer.echo(str(folder_of(entry)) if entry.markers else f"'{name}' needs no folder")
        except (ValueError, FileNotFoundError) as error:
            raise _stop(error) from None
        return
    typer.echo("Looked for in, one after the other (COURSE_DATA names the first):")
    for folder in data_folders():
        typer.echo(f"  {folder}" + ("" if folder.is_dir() else "   (not there yet)"))
    for entry in REGISTRY.values():
        root = find(entry) if entry.markers else None
        if root:
            typer.echo(f"{entry.name:10} {root}")


@app.command()
def download(
    name: Name,
    to: Annotated[Path | None, typer.Option(help="Data folder to lay it in, instead of COURSE_DATA.")] = None,
) -> None:
    """Fetch a data set: continue where it broke off, try the mirrors, check, unpack."""
    from tqdm import tqdm

    from course_utils.data.fetching import download as get
    from course_utils.data.registry import find_entry

    def bar_for(file):
        bar = tqdm(desc=file.name, unit="B", unit_scale=True, unit_divisor=1024)

        def show_progress(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return show_progress

    try:
        entry = find_entry(name)
        typer.echo(f"{entry.what}\nLicence: {entry.licence}\nCite: {entry.citation}")
        typer.echo(f"'{name}' lies in {get(entry, to, progress=bar_for, say=typer.echo)}")
    except (ValueError, OSError) as error:
        raise _stop(error) from None


@app.command("verify", help="The same as check.")
@app.command()
def check(
    name: Annotated[str, typer.Argument(help="A data set's name, or a folder of pictures and masks.")],
    classes: Annotated[int | None, typer.Option(help="How many classes a folder's masks may have.")] = None,
    mend: Annotated[Path | None, typer.Option(help="Write a mended copy of a folder to this new folder.")] = None,
) -> None:
    """Read every picture and mask, and say in one report what is wrong and what to do."""
    from tqdm import tqdm

    from course_utils.data.mending import mend as write_mended
    from course_utils.data.own_folder import inspect_entry, inspect_folder

    def bar(things):
        return tqdm(things, leave=False)

    try:
        meant = _meant(name)
        if mend is not None:
            if not isinstance(meant, Path):
                raise ValueError(f"--mend is for a folder, and '{name}' is a data set")
            for file, done in write_mended(meant, mend)[:20]:
                typer.echo(f"{file}: {done}")
            typer.echo(f"the whole list: {mend / 'mended.csv'}\n")
            meant = mend
        report = inspect_folder(meant, classes, bar) if isinstance(meant, Path) else inspect_entry(meant, bar)
    except (ValueError, OSError) as error:
        raise _stop(error) from None
    typer.echo(str(report))
    if report.problems:
        raise typer.Exit(1)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A data set's name, or a folder of pictures and masks.")],
    split: Annotated[str | None, typer.Option(help="Which split; the first one by default.")] = None,
    out: Annotated[Path | None, typer.Option(help="The PNG to write; NAME_SPLIT.png by default.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many pictures.")] = 15,
    columns: Annotated[int, typer.Option(min=1, help="How many side by side.")] = 3,
    seed: Annotated[int, typer.Option(help="Of the choice.")] = 0,
) -> None:
    """Write a contact sheet: pictures with their masks, and how much each class fills."""
    import matplotlib

    matplotlib.use("Agg")
    from course_utils.data.dataset import load
    from course_utils.figures.contact_sheets import contact_sheet

    try:
        meant = _meant(name)
        dataset = load("folder", split, root=meant) if isinstance(meant, Path) else load(name, split)
        out = out or Path(f"{dataset.name}_{dataset.split}.png")
        contact_sheet(dataset, count, columns, seed).savefig(out)
    except (ValueError, OSError) as error:
        raise _stop(error) from None
    typer.echo(f"wrote {out}")


@app.command()
def make(
    what: Annotated[str, typer.Argument(help="What to make: stickers.")] = "stickers",
    images: Annotated[int, typer.Option(min=1, help="How many scenes.")] = 1200,
    size: Annotated[int, typer.Option(min=64, max=640, help="Their height and width in pixels.")] = 160,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same pixels.")] = 0,
    out: Annotated[Path, typer.Option(help="A new or empty folder.")] = Path("stickers"),
) -> None:
    """Write the stickers as a folder in PASCAL VOC's layout."""
    from tqdm import tqdm

    from course_utils.data.stickers.collection import CREDIT, write_voc_folder

    if what != "stickers":
        raise _stop(ValueError(f"{what!r} cannot be made: only 'stickers' can"))
    try:
        write_voc_folder(out, images, size, seed, progress=tqdm)
    except (ValueError, OSError) as error:
        raise _stop(error) from None
    typer.echo(f"wrote {images:,} scenes of {size}x{size} to '{out / 'VOCdevkit' / 'VOC2012'}'\n{CREDIT}")
