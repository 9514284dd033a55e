"""From nets to answers: dense prediction, tiles, cells out of foreground; and what does without a net."""

import lazy_loader

# what lectures take from this room, by the module that holds it; each is imported when it is first asked for
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cells": ["foreground_probability", "instances_from_foreground", "shape_of_cells"],
        "classical": ["otsu_mask"],
        "dense_prediction": [
            "a_trous",
            "dense",
            "multiply_adds",
            "seconds",
            "shift_and_stitch",
            "sliding_window",
            "table_1_row",
        ],
        "things": ["label_image"],
        "tiles": ["at_once", "overlap_tile", "read_tile"],
    },
)
