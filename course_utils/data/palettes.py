"""The colours that data sets give their classes (lectures 01, 04 to 06)."""

VOC_CLASSES = [
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]


def voc_palette(count: int = 256) -> list[tuple[int, int, int]]:
    """PASCAL VOC's colours: the bits of a class's number, dealt in turn to red, green and blue from the top down.

    Class 1 = 0b001 is red 128, class 6 = 0b110 is green 128 and blue 128, void = 255 is the cream (224, 224, 192).
    """
    colours = []
    for number in range(count):
        channels = [0, 0, 0]
        for place in range(8):
            bit = number >> place & 1
            channels[place % 3] |= bit << 7 - place // 3
        colours.append(tuple(channels))
    return colours
