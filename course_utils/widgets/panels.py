"""Square panels in a row, each under its caption: how most explorers lay out their board."""

from typing import NamedTuple

from course_utils.figures.boards import Board

GAP, HEADING, CAPTION = 14, 26, 26  # pixels


class Panel(NamedTuple):
    """Where a panel lies on its board, in pixels; `board.image(pixels, *panel)` fills it."""

    left: float
    top: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        return self.top + self.height


def panels(heading: str, captions: list[str], below: int = 0, width: int = 880) -> tuple[Board, list[Panel]]:
    """A board with a finding above and a row of square panels under their captions.

    Args:
        heading: the finding, in bold.
        captions: one for each panel.
        below: pixels kept free under the panels.
        width: of the board.
    """
    side = (width - GAP * (len(captions) - 1)) / len(captions)
    board = Board(width, round(HEADING + CAPTION + side + below))
    board.heading(0, HEADING - 8, heading)
    row = [Panel(place * (side + GAP), HEADING + CAPTION, side, side) for place in range(len(captions))]
    for panel, caption in zip(row, captions, strict=True):
        board.write(panel.left, panel.top - 7, caption)
    return board, row
