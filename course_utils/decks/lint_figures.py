"""What is wrong with a figure at the size of a slide: where its words lie, and how well they can be read."""

from course_utils.decks.model import Frame
from course_utils.figures.for_slides import CONTRAST

LEAST = 14.0  # points
TOUCH = 3.0  # pixels by which two words may overlap: boxes of letters are higher than the letters


def figure_problems(frame: Frame) -> list[str]:
    """Words in a figure that overlap, leave it, or are too small."""
    found = []
    name = f"the figure '{frame.alt[:40]}'"
    for left, top, right, bottom, points, contrast, words in frame.texts:
        if points < LEAST:
            found.append(f"{name} writes '{words[:30]}' in {points} points; {LEAST:g} is the least")
        if contrast < CONTRAST:
            found.append(f"{name} writes '{words[:30]}' with a contrast of {contrast}:1; {CONTRAST} is the least")
        if left < -1 or top < -1 or right > frame.width + 1 or bottom > frame.height + 1:
            found.append(f"{name} cuts '{words[:30]}' off at its edge")
    for place, one in enumerate(frame.texts):
        for other in frame.texts[place + 1 :]:
            wide = min(one[2], other[2]) - max(one[0], other[0])
            high = min(one[3], other[3]) - max(one[1], other[1])
            if wide > TOUCH and high > 2 * TOUCH:
                found.append(f"{name} writes '{one[6][:30]}' over '{other[6][:30]}'")
    return found
