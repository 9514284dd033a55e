"""How good a segmentation is: label maps (`semantic`), single things (`instances`), membranes (`em`)."""

import lazy_loader

# what lectures take from this room, by the module that holds it; each is imported when it is first asked for
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "em": ["pixel_error", "rand", "thinned", "warping_error"],
        "instances": [
            "AveragePrecision",
            "InstanceScores",
            "coco_ap",
            "found_by_thickness",
            "match_instances",
            "object_mistakes",
            "score_instances",
            "things",
        ],
        "semantic": ["BANDS", "Scores", "boundary_distance", "confusion_matrix", "scores"],
    },
)
