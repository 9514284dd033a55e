"""The reference of the library's rooms: each public name with its signature and its docstring, read and never imported."""

import ast
import re
from pathlib import Path

from course_utils.course.book.sources import contents
from course_utils.course.lectures import ROOT
from course_utils.data.files import write_text

LIBRARY = ROOT / "course_utils"
NOT_TAUGHT = ("course",)  # what delivers the course is read in its source
ANSWERS = re.compile(r"lecture\d\d")  # how answers are judged
HEAD = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Shape|Source|Note|Example):[ \t]*", re.MULTILINE)
ITEM = re.compile(r"^(\*{0,2}[\w.]+(?:, \*{0,2}[\w.]+)*)(?: \([^)]*\))?: ", re.MULTILINE)


def library_pages(source: Path) -> None:
    """Write `library/`, a page for each room, in the order of the library's own docstring."""
    front = docstring(LIBRARY / "__init__.py")
    order = [name for name in re.findall(r"^    (\w+)(?:/|\.py) ", front, re.MULTILINE) if name not in NOT_TAUGHT]
    lines = ["# The library", front.split("\n\n")[-1], "| room | what it holds |\n|---|---|"]
    for room in order:
        path = LIBRARY / room if (LIBRARY / room).is_dir() else LIBRARY / f"{room}.py"
        write_text(source / "library" / f"{room}.md", room_page(room, path))
        about = re.search(rf"^    {room}(?:/|\.py) +(.+)$", front, re.MULTILINE)[1]
        lines[-1] += f"\n| [{room}]({room}.md) | {about} |"
    write_text(source / "library" / "index.md", "\n\n".join([*lines, contents(order, "Rooms")]) + "\n")


def room_page(room: str, path: Path) -> str:
    """A room in Markdown: what it is for, then its modules in order of their names."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    lines = [f"# {room}"]
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        module = file.relative_to(LIBRARY).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        about = in_markdown(ast.get_docstring(tree) or "")
        if ANSWERS.fullmatch(file.stem):
            continue
        lines += [about] if module == room else [f"## {module}", about]
        public = [
            node
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and ast.get_docstring(node)
        ]
        for node in public:
            # no heading each: a thousand of them in every page's navigation cost Sphinx half a minute
            lines += [named(node), in_markdown(ast.get_docstring(node))]
            lines += [f"- {named(method)}: {first_sentence(method)}" for method in methods(node)]
    return "\n\n".join(filter(None, lines)) + "\n"


def docstring(file: Path) -> str:
    return ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""


def methods(node: ast.stmt) -> list[ast.FunctionDef]:
    """The public methods of a class that say what they do."""
    if not isinstance(node, ast.ClassDef):
        return []
    return [
        each
        for each in node.body
        if isinstance(each, ast.FunctionDef) and not each.name.startswith("_") and ast.get_docstring(each)
    ]


def named(node: ast.FunctionDef | ast.ClassDef) -> str:
    """How a function is called, or a class's objects are made: **conv** `(x: Tensor, stride: int = 1) -> Tensor`."""
    returns = f" -> {ast.unparse(node.returns)}" if getattr(node, "returns", None) else ""
    made = node
    if isinstance(node, ast.ClassDef):
        made = next((each for each in node.body if getattr(each, "name", "") == "__init__"), None)
    if made is None:
        takes = ", ".join(ast.unparse(each) for each in node.body if isinstance(each, ast.AnnAssign))
    else:
        takes = re.sub(r"^(self|cls)(, |$)", "", ast.unparse(made.args))
    return f"**{node.name}** `({takes}){returns}`"


def first_sentence(node: ast.FunctionDef) -> str:
    return " ".join(ast.get_docstring(node).split("\n\n")[0].split())


def in_markdown(text: str) -> str:
    """A docstring as Markdown: its sections with a bold head, their entries as a list; indented blocks as they are."""
    parts = re.split(HEAD, text)
    lines = [parts[0].strip()]
    for head, body in zip(parts[1::2], parts[2::2], strict=True):
        first, _, rest = body.partition("\n")
        rest = "\n".join(line.removeprefix("    ") for line in rest.splitlines())
        body = f"{first}\n{rest}".strip()
        entries = (
            ITEM.sub(lambda found: f"- `{found[1]}`: ", body) if head in ("Args", "Attributes", "Raises") else body
        )
        lines.append(f"**{head}**\n\n{entries}" if entries.startswith("- ") else f"**{head}** {entries}")
    return "\n\n".join(lines)
