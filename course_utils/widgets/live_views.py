"""Notebooks on disk hold pictures of explorers, and no views of widgets that died with their kernel."""

from collections.abc import MutableMapping

VIEW = "application/vnd.jupyter.widget-view+json"
MIME_MOVING = "application/vnd.segmentation-course.moving+json"  # an explorer's pictures for where there is no kernel
LARGEST = 2_000_000  # bytes of them together, of one explorer


def live_view(widget) -> dict[str, dict]:
    """The form of an output that a page with a kernel shows: a widget, by its MIME type."""
    return {VIEW: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}}


def without_live_views(notebook: MutableMapping) -> MutableMapping:
    """Take widgets' views and their state out of a notebook, in place, where the output has another form as well.

    A view without its kernel shows "model not found" and hides the picture that stands beside it in the output.
    """
    notebook["metadata"].pop("widgets", None)
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if VIEW in data and data.keys() - {VIEW, "text/plain"}:
                del data[VIEW]
    return notebook


def before_saving(model: MutableMapping, **_) -> None:
    """What JupyterLab does with each file before it is written."""
    if model.get("type") == "notebook" and model.get("content"):
        without_live_views(model["content"])


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "course_utils.widgets.live_views"}]


def _load_jupyter_server_extension(app) -> None:
    """Called by the server of `course lab`."""
    # once it runs: an extension that is loaded later, jupytext's, puts another contents manager in place
    app.io_loop.add_callback(lambda: app.contents_manager.register_pre_save_hook(before_saving))
