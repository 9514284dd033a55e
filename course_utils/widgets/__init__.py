"""Explorers: a lecturer drags a slider and the room sees why. One explorer a file, each a function that returns a widget.

`explore(threshold(...))` puts one into a notebook, with a picture of its state for every reader without a kernel.
How to make another is told in `course_utils.widgets.frame`.
"""

import lazy_loader

# what lectures take from this room, by the module that holds it; each is imported when it is first asked for
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "anchors_matched": ["anchor_matching"],
        "crop_offsets": ["crop_offset"],
        "elastic_grids": ["elastic"],
        "frame": ["Explorer", "explore", "lecture_mode"],
        "heat_maps": ["heat_map"],
        "light_and_shifts": ["light_and_shift"],
        "overlap_tiles": ["overlap_tile"],
        "painting": ["paint_mask"],
        "receptive_fields": ["receptive_field"],
        "shifted_boxes": ["roi_shift"],
        "skip_streams": ["Scene", "skip_fusion"],
        "sliding_windows": ["sliding_window"],
        "suppressions": ["nms_threshold"],
        "thresholds": ["threshold"],
        "transposed_convolutions": ["transposed_convolution"],
        "unet_sizes": ["unet_size"],
        "weight_maps": ["busiest", "weight_map"],
    },
)
