"""What calls pandoc, which comes with the package pypandoc_binary."""

import subprocess
from pathlib import Path

READER = "markdown-implicit_figures-yaml_metadata_block-citations-auto_identifiers"


def pandoc(markdown: str, to: str, target: Path, folder: Path, options: list[str]) -> None:
    """Turn Markdown into a file.

    Args:
        markdown: what to turn.
        to: pandoc's name of the format.
        target: the file.
        folder: where its pictures lie.
        options: more of pandoc's options.

    Raises:
        RuntimeError: with pandoc's own words, where it fails or warns: a deck with a hole in it is no deck.
    """
    import pypandoc

    command = [
        pypandoc.get_pandoc_path(),
        "--from",
        READER,
        "--to",
        to,
        "--slide-level",
        "2",
        "--standalone",
        "--wrap",
        "none",
    ]
    command += ["--resource-path", str(folder), "--fail-if-warnings", "--output", str(target.resolve()), *options]
    done = subprocess.run(command, input=markdown, capture_output=True, text=True, encoding="utf-8", cwd=folder)
    if done.returncode:
        raise RuntimeError(f"pandoc could not write {target.name}: {done.stderr.strip()}")
