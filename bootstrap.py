"""Set the course up in `.venv`, then open, test or run it. Needs Python 3.11 or newer and nothing else.

    python3 bootstrap.py lab      open the course in JupyterLab
    python3 bootstrap.py test     run every test
    python3 bootstrap.py course   run every notebook and write build/
    python3 bootstrap.py slides   make the slides of the notebooks as they are, in build/slides/
    python3 bootstrap.py book     make the book of the notebooks as they are, in build/book/student/
    python3 bootstrap.py setup    only set up

Set-up happens once; later calls see that nothing changed and go straight on.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "course-setup.txt"
COMMANDS = {
    "setup": ["-c", "print('The course is set up.')"],
    "lab": ["-m", "course_utils.course.command", "lab"],
    "test": ["-m", "pytest"],
    "course": ["-m", "course_utils.course.command", "run"],
    "slides": ["-m", "course_utils.course.command", "slides"],
    "book": ["-m", "course_utils.course.command", "book"],
}


def main(arguments):
    locked = "--locked" in arguments
    arguments = [argument for argument in arguments if argument != "--locked"]
    if not arguments or arguments[0] not in COMMANDS:
        sys.exit(__doc__)
    if sys.version_info < (3, 11):
        sys.exit(
            "The course needs Python 3.11 or newer; this is {}. Name a newer one: `make lab PYTHON=python3.12`.".format(
                sys.version.split()[0]
            )
        )
    command, *rest = arguments
    set_up(locked, tests=command in ("setup", "test"))
    try:
        sys.exit(subprocess.call([str(PYTHON), *COMMANDS[command], *rest], cwd=ROOT))
    except KeyboardInterrupt:
        sys.exit(130)


def set_up(locked, tests=True):
    """Make the environment and install the course into it, unless both are there and up to date.

    What tests need is left out where nobody tests: it would put menus into a student's JupyterLab.
    """
    wanted = fingerprint(locked, tests)
    if STAMP.exists() and STAMP.read_text() in (wanted, fingerprint(locked, True)) and works(PYTHON):
        return
    if not works(PYTHON):
        say(f"making an environment in {VENV.name}/ with Python {sys.version.split()[0]}")
        run(
            [sys.executable, "-m", "venv", "--clear", str(VENV)],
            "make the environment (on Debian: apt install python3-venv)",
        )
    say("installing the course's packages (about 6 GB with PyTorch: some minutes the first time)")
    uv = shutil.which("uv")
    install = (
        [uv, "pip", "install", "--compile-bytecode", "--python", str(PYTHON)]
        if uv
        else [str(PYTHON), "-m", "pip", "install", "--quiet"]
    )
    if locked and not tests:
        run([*install, "-c", "requirements.lock", "-e", "."], "install the locked packages")
    elif locked:
        run([*install, "-r", "requirements.lock"], "install the locked packages")
        run([*install, "--no-deps", "-e", "."], "install the course")
    else:
        run([*install, "-e", ".[test]" if tests else "."], "install the packages")
    STAMP.write_text(wanted)
    say(f"done, with {'uv' if uv else 'pip'}; `{BIN.relative_to(ROOT) / 'course'} doctor` checks this machine")


def fingerprint(locked, tests):
    """Changes when what is to be installed changes."""
    files = ["pyproject.toml", "requirements.lock"] if locked else ["pyproject.toml"]
    contents = b"".join((ROOT / file).read_bytes() for file in files)
    return f"{hashlib.sha256(contents).hexdigest()} {'locked' if locked else 'newest'} {'with' if tests else 'without'} tests {ROOT}"


def works(python):
    """Whether that Python starts: an environment that was moved, or half made, does not."""
    try:
        return subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def run(command, what):
    if subprocess.call(command, cwd=ROOT) != 0:
        sys.exit(f"Set-up could not {what}; what went wrong stands above. Mend it and run the same command again.")


def say(what):
    print(f"[set-up] {what}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
