"""Notebooks as web pages that need no network, and the index page of a build."""

import copy
import re
import warnings
from html import escape
from pathlib import Path

from latex2mathml.converter import convert as latex_to_mathml
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from course_utils.course.notebooks import read_notebook
from course_utils.course.results import MIME_RESULT, MIME_RUN
from course_utils.data.files import write_text
from course_utils.widgets.live_views import without_live_views

# nbconvert's page, less the scripts that it would fetch from other hosts, plus the alt text that it leaves out.
TEMPLATE = """{% extends 'lab/index.html.j2' %}
{% block html_head_js_requirejs %}{% endblock %}
{% block html_head_js_jquery %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block jupyter_widgets %}{% endblock %}
{% block html_head_css %}{{ super() }}<style>
main {max-width: 76em; margin: auto; padding: 1em} img {max-width: 100%; height: auto}
.jp-RenderedMarkdown {font-size: 1.05rem; line-height: 1.55}
</style>{% endblock %}
"""

PICTURE = """{% block BLOCK scoped %}<div class="jp-RenderedImage jp-OutputArea-output">
<img alt="{{ output | get_metadata('alt', 'MIME') | default('', true) | escape_html }}"
src="data:MIME;base64,{{ output.data['MIME'] | replace('\\n', '') }}">
</div>{% endblock %}"""
for block, mime in (("data_png", "image/png"), ("data_jpg", "image/jpeg")):
    TEMPLATE += PICTURE.replace("BLOCK", block).replace("MIME", mime)

# Code spans and fenced code are matched first, so that a dollar inside them stays a dollar.
MATHS = re.compile(
    r"(?P<code>```.*?```|`[^`\n]+`)|\$\$(?P<block>.+?)\$\$|(?<![\\$])\$(?P<inline>[^\s$](?:[^$\n]*[^\s$])?)\$(?!\d)",
    re.DOTALL,
)


def with_mathml(markdown: str) -> str:
    """Markdown in which TeX between dollars has become MathML, which browsers draw by themselves."""

    def convert(match: re.Match) -> str:
        if match["code"]:
            return match["code"]
        block = match["block"] is not None
        mathml = latex_to_mathml(match["block"] if block else match["inline"], display="block" if block else "inline")
        return mathml.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "")

    return MATHS.sub(convert, markdown)


def page(notebook: NotebookNode, title: str) -> str:
    """An executed notebook as one HTML page: figures inside, equations as MathML, nothing fetched."""
    notebook = copy.deepcopy(notebook)
    notebook.metadata["title"] = title
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell["source"] = with_mathml(cell.source)
        elif cell.cell_type == "code":
            cell["outputs"] = [
                output for output in cell.outputs if not {MIME_RESULT, MIME_RUN} & set(output.get("data", {}))
            ]
    without_live_views(notebook)
    exporter = HTMLExporter(raw_template=TEMPLATE)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Alternative text is missing")
        body, _ = exporter.from_notebook_node(notebook)
    return body


def write_pages(out: Path, report: dict) -> Path:
    """Write a page for each executed notebook of a build, and `index.html`; returns the index."""
    rows = []
    for entry in report["notebooks"]:
        source, name = out / "notebooks" / f"{entry['name']}.ipynb", entry["name"]
        title = escape(name)
        if source.exists():
            notebook = read_notebook(source)
            write_text(out / "html" / f"{name}.html", page(notebook, title_of(notebook, name)))
            title = f"<a href='html/{name}.html'>{escape(title_of(notebook, name))}</a>"
        status = escape(entry["status"]) + (f"<br><small>{escape(entry['error'])}</small>" if entry["error"] else "")
        rows.append(
            f"<tr><td>{title}{deck_links(out, name)}</td><td class='{entry['status']}'>{status}</td><td>{entry['seconds']:.0f} s</td><td>{entry['peak_mb']} MB</td></tr>"
        )
    ran = {entry["name"] for entry in report["notebooks"]}
    for file in sorted((out / "slides").glob("*.html")):
        if file.stem not in ran:  # decks that borrow from several lectures
            rows.append(f"<tr><td>{escape(file.stem)}{deck_links(out, file.stem)}</td><td></td><td></td><td></td></tr>")
    totals = report["totals"]
    summary = f"{totals['passed']} of {totals['notebooks']} notebooks passed in {totals['seconds']:.0f} s, profile {report['profile']}, {report['date']}"
    index = out / "index.html"
    write_text(index, INDEX.format(summary=escape(summary), rows="\n".join(rows)))
    return index


def deck_links(out: Path, name: str) -> str:
    """Links to a deck's files, in whichever formats are there."""
    files = {"slides": ".html", "PowerPoint": ".pptx", "PDF": ".pdf", "PDF with notes": "_notes.pdf"}
    there = {word: f"slides/{name}{end}" for word, end in files.items() if (out / "slides" / f"{name}{end}").exists()}
    links = ", ".join(f"<a href='{path}'>{word}</a>" for word, path in there.items())
    return f"<br><small>{links}</small>" if links else ""


def title_of(notebook: NotebookNode, name: str) -> str:
    """The first heading of a notebook, or its name."""
    for cell in notebook.cells:
        heading = re.search(r"^# (.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if heading:
            return heading[1]
    return name


INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Image segmentation: the course, run</title>
<style>
body {{font: 18px/1.5 system-ui, sans-serif; max-width: 52em; margin: 2em auto; padding: 0 1em; color: #222; background: #fff}}
table {{border-collapse: collapse; width: 100%}} th, td {{text-align: left; padding: .5em .8em; border-bottom: 1px solid #ccc; vertical-align: top}}
.passed::before {{content: "\\2713  "; color: #00694d}} .failed::before, .timeout::before {{content: "\\2717  "; color: #a84300}}
a {{color: #00558a}}
</style></head>
<body><h1>Image segmentation: the course, run</h1>
<p>{summary}. Times and memory stand in <a href="report.json">report.json</a>.</p>
<table><tr><th>Lecture</th><th>Run</th><th>Time</th><th>Memory</th></tr>
{rows}
</table></body></html>
"""
