"""The reference solutions, taken from the notebooks' own solution cells."""

from course_utils.course.lectures import find_lectures
from course_utils.course.notebooks import read_script


def solutions(lecture: str) -> dict:
    """What a lecture's solution cells define, by name.

    The lecture's imports are run before them, and nothing else of it.
    """
    import ast

    (found,) = find_lectures([lecture])
    names: dict = {}
    for cell in read_script(found.script).cells:
        if cell.cell_type != "code":
            continue
        if "solution" in cell.metadata.get("tags", []):
            exec(cell.source, names)
        else:
            imports = [node for node in ast.parse(cell.source).body if isinstance(node, ast.Import | ast.ImportFrom)]
            exec(compile(ast.Module(imports, []), "imports", "exec"), names)
    return names
