"""How fast an explorer answers, on a machine that may be busy with other things."""

import os
import time

import pytest

LIMIT = 0.2  # seconds on two cores


def seconds_to_answer(explorer, **changes) -> float:
    """From a control's new value to the bytes of the new picture: the slowest control, the best of some tries each.

    Counted is processor time, which is no less than the time a reader waits on an idle machine, and does not grow much
    when others use its cores.

    Args:
        explorer: answers `set`.
        changes: control -> the values that it is given in turn; all draw anew.
    """
    if os.environ.get("PYTEST_XDIST_WORKER"):
        pytest.skip("a time is measured where no other test runs beside it")
    slowest = 0.0
    for control, values in changes.items():
        tries = []
        assert len(values) > 1, "the same value again would draw nothing"
        for value in (values[-1], *values):  # the first is to warm up, and the last stays
            before = explorer.controls[control].value, explorer.picture.file
            start = time.process_time()
            explorer.controls[control].value = value
            tries.append(time.process_time() - start)
            assert value == before[0] or explorer.picture.file != before[1], f"{control} = {value} draws nothing new"
        slowest = max(slowest, min(tries[1:]))
    return slowest
