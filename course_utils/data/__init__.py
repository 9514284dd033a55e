"""Pictures and their masks: `load("voc2012", "val")[0]` is an image and its mask.

Data sets (`sets/`, `stickers/`, folders of your own), what the registry knows about them and how they are fetched, files
read without surprises, and transforms that treat a picture and its mask alike. Knows no other room.
"""

import lazy_loader

# what lectures take from this room, by the module that holds it; each is imported when it is first asked for
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "depth": ["fill_holes", "gravity", "hha", "log_depth", "normals", "plain_camera", "points"],
        "dataset": ["Dataset", "Sample", "detection_target", "load", "numbered"],
        "images": ["read_image"],
        "masks": ["VOC_CLASSES", "check_mask", "read_mask", "voc_palette"],
        "mending": ["mend"],
        "own_folder": ["inspect_folder"],
        "photographs": ["annotation", "depth_photograph", "photograph"],
        "planted": ["forgotten", "kinds_of_stickers", "plant", "renamed", "shifted_mask"],
        "sets.nuclei": ["nuclei", "touching"],
        "stickers.scenes": ["scene"],
        "stickers.sensor": ["dimmed", "shifted"],
        "transforms": ["Augment", "affine_field", "elastic_deformation", "elastic_displacements", "mirror_pad", "warp"],
    },
)
