"""A notebook as a student gets it: no solution in it, and nothing that a solution made."""

import ast
import copy
import json
import re
import symtable

from nbformat import NotebookNode

SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n.*?^[ \t]*### END SOLUTION[ \t]*$", re.DOTALL | re.MULTILINE)
STUB = 'raise NotImplementedError("your turn")'


def student_copy(notebook: NotebookNode) -> NotebookNode:
    """A copy with a stub in place of each solution, and without the lecturer's notes.

    The outputs of solutions and checks are cleared, and so are those of every cell that uses what a solution defines,
    directly or through the names of cells in between. All else stays as it was run.
    """
    notebook = copy.deepcopy(notebook)
    notebook.cells = [
        cell for cell in notebook.cells if cell.metadata.get("slideshow", {}).get("slide_type") != "notes"
    ]
    solved = cells_of_solutions(notebook)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if SOLUTION.search(cell.source):
            cell["source"] = with_stubs(cell)
        if cell["id"] in solved:
            cell["outputs"], cell["execution_count"] = [], None
    drop_unused_widgets(notebook)
    return notebook


def with_stubs(cell: NotebookNode) -> str:
    """A solution cell's source with stubs that say what to do."""
    lecture, _, name = cell.metadata.get("nbgrader", {}).get("grade_id", "").partition("-")
    told = False

    def stub(match: re.Match) -> str:
        nonlocal told
        indent, lines = match[1], [STUB]
        if not told:
            lines = [
                "# Your turn: put your lines here in place of the next one, then run this cell and the check.",
                STUB,
            ]
            if name:
                lines.insert(1, f'# Stuck? Run hint("{lecture}.{name}") in a new cell.')
        told = True
        return "\n".join(indent + line for line in lines)

    return SOLUTION.sub(stub, cell.source)


def cells_of_solutions(notebook: NotebookNode) -> set[str]:
    """Ids of the cells whose outputs a solution made: solutions, checks, and what uses their names."""
    made: set[str] = set()  # names that hold something a solution made
    imported: set[str] = set()
    found = set()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        tags = cell.metadata.get("tags", [])
        solution = bool(SOLUTION.search(cell.source)) or "solution" in tags
        if solution or "check" in tags:
            found.add(cell["id"])
        for statement in statements(cell.source):
            reads, binds = names_in(statement)
            if isinstance(statement, ast.Import | ast.ImportFrom):
                imported |= binds
            elif solution or reads & made:
                made |= binds | (changed_by(statement) - imported)
                found.add(cell["id"])
                continue
            made -= binds
    return found


def statements(source: str) -> list[ast.stmt]:
    """A cell's statements; lines of IPython's own, such as `%matplotlib`, are left out."""
    plain = re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE)
    try:
        return ast.parse(plain).body
    except SyntaxError:
        return []


def names_in(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """The notebook's names that a statement reads, inside of functions too, and those that it binds."""
    scope = symtable.symtable(ast.unparse(statement), "cell", "exec")
    symbols = scope.get_symbols()
    binds = {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}
    reads = {symbol.get_name() for symbol in symbols if symbol.is_referenced()}
    scopes = scope.get_children()
    while scopes:
        inner = scopes.pop()
        reads |= {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global()}
        scopes += inner.get_children()
    return reads, binds


def changed_by(statement: ast.stmt) -> set[str]:
    """The names whose objects a statement may change without binding them.

    Something is stored in them (`a.b = 1`, `a[0] = 1`), or a call that stands alone is theirs or is handed them
    (`a.append(1)`, `start(a)`).
    """
    changed = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            changed |= root(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            call = node.value
            changed |= root(call.func) if isinstance(call.func, ast.Attribute) else set()
            changed |= {argument.id for argument in call.args if isinstance(argument, ast.Name)}
    return changed


def root(node: ast.expr) -> set[str]:
    """The name at the beginning of `name.part[0].part`, if there is one."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def drop_unused_widgets(notebook: NotebookNode) -> None:
    """Take the state of widgets out of the notebook's metadata that no output shows any more."""
    widgets = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json")
    if not widgets:
        return
    state = widgets.get("state", {})
    outputs = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
    waiting, shown = [key for key in state if key in outputs], set()
    while waiting:
        key = waiting.pop()
        if key not in shown:
            shown.add(key)
            inside = json.dumps(state[key])
            waiting += [other for other in state if other not in shown and other in inside]
    widgets["state"] = {key: value for key, value in state.items() if key in shown}
