"""Results that a notebook measured, kept inside the executed notebook (all lectures).

`record("02.dense_speedup", 21.3)` leaves the value in the cell's output under a MIME type of its own, which no
front end draws. Slides, tables and the floors of the GPU run read them back with `recorded`.
"""

import json
import re
from pathlib import Path

MIME_RESULT = "application/vnd.segmentation-course.result+json"
NAME = re.compile(r"\d\d\.[a-z][a-z0-9_]*")


def record(name: str, value: float | int | str | list | dict) -> None:
    """Keep one measured result in the notebook that is running.

    Args:
        name: `<lecture>.<what>`, such as `"02.dense_speedup"`.
        value: anything that JSON can hold; tensors and NumPy scalars with one element become numbers.

    Raises:
        ValueError: for a name of another form, or for a value that is not finite or not JSON.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"record({name!r}): a name is the lecture's number, a point and words, as in '02.dense_speedup'")
    value = value.item() if hasattr(value, "item") else value
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"record({name!r}): {value!r} cannot be kept as JSON: {error}") from None

    from IPython.display import display

    display({MIME_RESULT: {"name": name, "value": value}}, raw=True)


def recorded(notebook: Path) -> dict:
    """All results in an executed notebook, by name, in the order in which they were recorded."""
    cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    results = [output["data"][MIME_RESULT] for output in outputs if MIME_RESULT in output.get("data", {})]
    return {result["name"]: result["value"] for result in results}
