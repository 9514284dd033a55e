"""The reference solutions, taken from the notebooks' own solution cells."""

import ast
from functools import cache

from course_utils.course.lectures import find_lectures
from course_utils.course.notebooks import read_script


@cache
def cells_of(lecture: str) -> list:
    """A lecture's cells, read once for all tests."""
    (found,) = find_lectures([lecture])
    return read_script(found.script).cells


@cache
def code_of(lecture: str) -> list:
    """A lecture's imports and solution cells, compiled, in order."""
    code = []
    for cell in cells_of(lecture):
        if cell.cell_type != "code":
            continue
        if "solution" in cell.metadata.get("tags", []):
            code.append(compile(cell.source, "solution", "exec"))
        else:
            imports = [node for node in ast.parse(cell.source).body if isinstance(node, ast.Import | ast.ImportFrom)]
            code.append(compile(ast.Module(imports, []), "imports", "exec"))
    return code


def solutions(lecture: str) -> dict:
    """What a lecture's solution cells define, by name, new functions and classes each time.

    The lecture's imports are run before them, and nothing else of it.
    """
    names: dict = {}
    for code in code_of(lecture):
        exec(code, names)
    return names
