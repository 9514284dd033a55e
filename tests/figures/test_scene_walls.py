"""The title picture shows scenes, their classes and whom to thank."""

import matplotlib.pyplot as plt
import numpy as np

from course_utils.figures.contact_sheets import scene_wall


def test_the_wall_credits_the_drawings_and_is_alike_every_time():
    first, again = (scene_wall(rows=1, columns=2, size=64) for _ in range(2))
    pictures = [figure.axes[0].images[0].get_array() for figure in (first, again)]
    assert np.array_equal(*pictures) and pictures[0].shape[1] > 2 * 64
    assert any("OpenMoji" in text.get_text() for text in first.axes[0].texts)
    plt.close("all")
