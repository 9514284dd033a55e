"""How nets learn: the loop, what it stands on, what lectures train on, and recipes for `course train`."""

import lazy_loader

# what lectures take from this room, by the module that holds it; each is imported when it is first asked for
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cells": ["CellCrops", "grey", "stretched"],
        "evaluation": ["Evaluation", "evaluate"],
        "instances": [
            "KeptThings",
            "ThingPictures",
            "evaluate_things",
            "judge_things",
            "target_of",
            "thing_board",
            "train_thing_net",
        ],
        "kept_maps": ["KeptMaps", "UpperBackbone", "lower_maps", "take_up"],
        "kept_nets": ["train_or_load"],
        "loop": ["overfit_one_batch", "train"],
        "materials": ["Sampled", "material", "paper_recipe", "recipe"],
        "own_pictures": ["export_run", "run_with"],
        "processes": ["Run"],
        "progress": ["History"],
        "settings": ["Settings", "freeze"],
    },
)
