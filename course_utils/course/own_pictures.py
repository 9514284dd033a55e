"""The commands for pictures of your own: train on a folder, report, predict, export (lecture 10)."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()
RunFolder = Annotated[
    Path, typer.Argument(metavar="RUN", help="What `course train` left, such as build/training/mine.")
]


def _stop(error: Exception) -> typer.Exit:
    typer.secho(f"course: {error}", fg="red", err=True)
    return typer.Exit(2)


def train_folder(
    root: Path, out: Path, kind: str, recipe_file: Path | None, changes: list[str] | None, device: str, workers: int
) -> None:
    """Choose a recipe for a folder, train by it, and write the report.

    The recipe and the split are written beside the net before anything is trained; where they are there already, they
    hold.

    Raises:
        ValueError, OSError: as for `run_recipe`, and where the folder cannot be trained on.
    """
    import warnings

    from tqdm import tqdm

    from course_utils.course.report import write_report
    from course_utils.data.own_folder import survey
    from course_utils.training.own_pictures import choose, divide_again, open_run, write_recipe
    from course_utils.training.recipes import changed, make_recipe, read_tables, run_recipe

    kept, split_file = out / "recipe.toml", out / "split.csv"
    found = survey(root, progress=lambda things: tqdm(things, leave=False), thorough=True)
    for line in found.report.lines():
        typer.secho(line, fg="yellow", err=True)
    if not found.pairs:
        raise found.refusal
    part = divide_again(found, split_file)
    source = recipe_file or (kept if kept.exists() else None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # what `load` would warn of is printed above
        if source is None:
            tables, notes = choose(found, root.resolve(), split_file.resolve(), kind)
            changed(tables, changes or [])
        elif kind:
            raise ValueError(f"--as {kind}: '{source}' has chosen already; another --out FOLDER chooses anew")
        else:
            tables, notes = read_tables(source, changes), [f"from {source}"]
            if tables.get("data", {}).get("name") != "folder":
                raise ValueError(f"'{source}' is for another data set: [data] name = \"folder\" is one for '{root}'")
            where = {"root": str(root.resolve()), "split_file": str(split_file.resolve())}
            tables["data"]["options"] = tables["data"].get("options", {}) | where
        recipe = make_recipe(tables, source or "the chosen recipe")
        notes = [f"course {shlex.join(sys.argv[1:])}", *notes]
        if not kept.exists():
            write_recipe(tables, notes, kept)
        counts = [f"{sum(here == split for here in part.values())} {split}" for split in dict.fromkeys(part.values())]
        typer.echo(
            f"{source or kept}:\n{(source or kept).read_text(encoding='utf-8')}\n{split_file}: {', '.join(counts)}"
        )
        result = run_recipe(recipe, out, device, workers)
        if not result:  # one of several processes, and not the first
            return
        write_recipe(tables, notes, kept)  # with what --set has changed since
        typer.echo(
            f"{result['table']}\n{result['scores']}\nkept in {out}; now the report, for which it is trained on fewer"
        )
        typer.echo(f"wrote {write_report(open_run(out), device, workers)}: a double click opens it")


@app.command()
def report(
    run: RunFolder,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
) -> None:
    """Write one HTML page about a training: numbers and their spread, classes, best and worst pictures, what more would bring."""
    import warnings

    from course_utils.course.report import write_report
    from course_utils.training.own_pictures import open_run

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            typer.echo(f"wrote {write_report(open_run(run), device)}: a double click opens it")
    except (ValueError, OSError) as error:
        raise _stop(error) from None


@app.command()
def predict(
    run: RunFolder,
    pictures: Annotated[Path, typer.Argument(help="A picture, or a folder of them.")],
    to: Annotated[str, typer.Option(help="Of labels, overlay, rois, geojson, coco, csv, with commas between.")] = (
        "labels,overlay,csv"
    ),
    out: Annotated[Path | None, typer.Option(help="A new or empty folder; predictions/ in RUN when left out.")] = None,
) -> None:
    """Predict pictures of any size; started again, it goes on. Nothing that is there is overwritten."""
    import hashlib

    from tqdm import tqdm

    from course_utils.data.dataset import pictures_in
    from course_utils.data.images import decode, header, read_image
    from course_utils.inference.predicted import Wanted, write_predictions
    from course_utils.training.own_pictures import open_run

    out = out or run / "predictions" / pictures.resolve().stem
    try:
        paths = pictures_in(pictures) if pictures.is_dir() else [pictures]
        if not paths:
            inside = [entry.name for entry in sorted(pictures.iterdir()) if entry.is_dir() and pictures_in(entry)]
            hint = f"; its folders {', '.join(inside[:5])} do" if inside else ""
            raise ValueError(f"'{pictures}' holds no pictures{hint}")
        opened = open_run(run)

        def read(path: Path) -> list:
            pages = decode(path, header).pages
            return [read_image(path, opened.white, page).permute(1, 2, 0).numpy() for page in range(pages)]

        def label(page):
            import torch

            return opened.labels(torch.from_numpy(page).permute(2, 0, 1))

        net = hashlib.sha256((run / "net.pt").read_bytes()).hexdigest()
        formats = tuple(part.strip() for part in to.split(","))
        wanted = Wanted(formats, opened.classes, opened.palette, net)
        failed = write_predictions(paths, read, label, wanted, out, lambda things: tqdm(things, unit="picture"))
    except (ValueError, OSError) as error:
        raise _stop(error) from None
    except KeyboardInterrupt:
        typer.secho(f"course: interrupted; the same command goes on in {out}", fg="red", err=True)
        raise typer.Exit(130) from None
    for what, names in failed.items():
        typer.secho(f"  {what}: {', '.join(names[:5])}", fg="yellow", err=True)
    typer.echo(f"predicted {len(paths) - sum(map(len, failed.values()))} of {len(paths)} pictures into {out}")
    if failed:
        raise typer.Exit(1)


@app.command()
def export(
    run: RunFolder,
    to: Annotated[str, typer.Option(help="onnx, torchscript or pt2.")] = "onnx",
    out: Annotated[Path | None, typer.Option(help="Folder for it; export/ in RUN when left out.")] = None,
) -> None:
    """Write the net as a graph for programs without this course, and compare its answers on held-out pictures at once."""
    import warnings

    from course_utils.training.own_pictures import export_run, open_run

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            path, found = export_run(open_run(run), to, out or run / "export")
    except (ValueError, OSError) as error:
        raise _stop(error) from None
    typer.echo(f"wrote {path}, classes.txt, README.md" + (" and predict.py" if to == "onnx" else "") + f"\n{found}")
