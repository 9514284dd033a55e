"""How a training is watched: a bar with the time left, curves in notebooks, lines of text elsewhere (lectures 04 to 10)."""

import sys
import time

from tqdm import tqdm

from course_utils.training.history import History

REDRAW = 5.0


class Progress:
    """Shows a training while it runs; a context that ends with it.

    Args:
        history: what is shown; the loop adds to it.
        plan: how many steps there will be.
        enabled: False shows nothing.
    """

    def __init__(self, history: History, plan, enabled: bool):
        self.history, self.plan, self.enabled = history, plan, enabled
        self.curves = LiveCurves(history) if enabled and in_notebook() else None

    def __enter__(self) -> "Progress":
        # tqdm minds TQDM_DISABLE by itself, where disable is None or not given
        options = {} if self.enabled else {"disable": True}
        self.bar = tqdm(
            total=self.plan.steps,
            initial=len(self.history.losses),
            unit="step",
            file=sys.stderr,
            leave=False,
            **options,
        )
        return self

    def step(self) -> None:
        """A step was taken."""
        if not self.enabled:
            return
        self.bar.update()
        self.bar.set_postfix_str(f"loss {self.history.losses[-1]:.4f}", refresh=False)
        if self.curves:
            self.curves.redraw()

    def epoch(self) -> None:
        """An epoch has ended."""
        if self.enabled and not self.curves:
            epochs = -(-self.plan.steps // self.plan.steps_per_epoch)
            tqdm.write(self.history.line().replace("  loss", f" of {epochs}  loss", 1))

    def __exit__(self, *error) -> None:
        self.bar.close()
        if self.curves and self.history.losses:
            self.curves.redraw(last=True)


def in_notebook() -> bool:
    """Whether this runs in a notebook's kernel, which can show pictures."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


class LiveCurves:
    """Learning curves that are drawn anew, in the same place, while a net is trained."""

    def __init__(self, history: History):
        self.history, self.handle, self.drawn = history, None, time.monotonic()

    def redraw(self, last: bool = False) -> None:
        """Draw the curves if the last time was a while ago, or if this is the last one."""
        if not last and time.monotonic() - self.drawn < REDRAW:
            return
        from IPython.display import display

        from course_utils.figures.learning import as_output, learning_curves

        done = f"{len(self.history.losses):,} steps, {self.history.seconds:.0f} s"
        figure = learning_curves({"": self.history}, f"Loss {self.history.losses[-1]:.3f} after {done}")
        data, metadata = as_output(
            figure, alt=f"Learning curves: {self.history.line()}" if self.history.epochs else done
        )
        if self.handle is None:
            self.handle = display(data, raw=True, metadata=metadata, display_id=True)
        else:
            self.handle.update(data, raw=True, metadata=metadata)
        self.drawn = time.monotonic()
