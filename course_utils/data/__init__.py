"""Pictures and their masks: `load("voc2012", "val")[0]` is an image and its mask.

Nothing heavy is imported before it is needed.
"""

__all__ = ["load"]


def load(name: str, split: str | None = None, **options):
    """A data set's split, as `course_utils.data.loading.load` describes it."""
    from course_utils.data import loading

    return loading.load(name, split, **options)
