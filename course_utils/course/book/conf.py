"""How Sphinx makes the book; `building.py` calls it with `-c` this folder, and the edition's title with `-D`."""

from docutils.nodes import SkipNode
from latex2mathml.converter import convert

project = "Image segmentation"
extensions = ["myst_nb"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_dmath_allow_space = myst_dmath_allow_digits = False  # "for 5$ or 6$" stays money
myst_heading_anchors = 4
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}  # the page would ask a host for it; explorers are pictures here
nb_number_source_lines = False
# What a lecture's source may do and a page of Sphinx would rather not: a heading one level further down.
suppress_warnings = ["myst.header"]

html_theme = "sphinx_book_theme"
html_static_path = ["static"]
html_css_files = ["book.css"]
html_math_renderer = "mathml"
html_copy_source = html_show_sourcelink = False
html_show_search_summary = False  # it fetches the pages found, which no browser allows from a disk
html_context = {"default_mode": "auto"}
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "home_page_in_toc": True,
    "show_toc_level": 2,
    "navigation_with_keys": True,
    "navbar_persistent": [],  # the search stands in the side bar already
    "footer_content_items": ["extra-footer"],
    "extra_footer": "Code: MIT. Texts and figures: CC BY 4.0. Drawings of the stickers: Twemoji (CC BY 4.0) and "
    "OpenMoji (CC BY-SA 4.0).",
}


def inline(translator, node):
    translator.body.append(mathml(node, "inline"))
    raise SkipNode


def block(translator, node):
    translator.body.append(f'<div class="math-block">{mathml(node, "block")}</div>')
    raise SkipNode


def mathml(node, display: str) -> str:
    """An equation as MathML, which browsers draw by themselves; its TeX stays for who copies or listens."""
    tex = node.astext()
    label = tex.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return convert(tex, display=display).replace("<math ", f'<math alttext="{label}" ', 1)


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
