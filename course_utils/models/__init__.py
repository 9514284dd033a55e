"""The networks of the course, each to be read beside its paper, and the arithmetic of their layers. Logits come out."""

import lazy_loader

# what lectures take from this room, by the module that holds it; each is imported when it is first asked for
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "backbones": ["Backbone", "backbone", "classifier", "untrained"],
        "boxes": [
            "Anchors",
            "batched_nms",
            "box_iou",
            "clip_boxes",
            "decode_boxes",
            "encode_boxes",
            "jitter_boxes",
            "match_boxes",
            "nms",
            "sample_matches",
        ],
        "convolutionalization": ["convolutionalize", "full_precision"],
        "coordinates": ["geometry", "output_size", "steps"],
        "fcn": ["FCN", "Heads", "SkipFusion", "parameters_in", "warm_start"],
        "fcn_paper": ["PaperFCN"],
        "fusion": ["LateFusion", "normalise_sources", "widen"],
        "imagenet": ["centre_square", "class_index", "guesses", "normalise", "resize"],
        "mask_rcnn": ["FPN", "RPN", "BoxHead", "MaskHead", "MaskRCNN", "SoftmaxMaskHead"],
        "plain_backbone": ["count", "fcn_of_size"],
        "rois": ["RoIPooler", "paste_masks", "pyramid_level", "roi_align", "roi_pool"],
        "unet": ["DoubleConvolution", "UNet", "UpStep", "centre_crop", "context", "incoming", "legal_sizes", "walk"],
        "upsampling": ["bilinear_deconvolution", "bilinear_kernel", "checkerboard", "coverage", "matrix_of"],
        "voc_nets": ["as_tested", "segment_photograph", "voc_net"],
        "variants": ["dilated", "with_options", "without_padding"],
    },
)
