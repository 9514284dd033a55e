"""No test reaches the network; kernels and processes that tests start do not either."""

import os
import sys
from pathlib import Path

import pytest

OFFLINE = str(Path(__file__).parent / "offline")

if OFFLINE not in os.environ.get("PYTHONPATH", "").split(os.pathsep):
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [OFFLINE, os.environ.get("PYTHONPATH")]))
    sys.modules.pop("sitecustomize", None)
    sys.path.insert(0, OFFLINE)
    import sitecustomize  # noqa: F401  puts the guard into this process
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("MPLBACKEND", "agg")
if "PYTEST_XDIST_WORKER" in os.environ:  # several of them: torch's threads would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests.browser import browser, lab, lab_page  # noqa: E402, F401  fixtures; the guard above comes first


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items):
    """Whoever asks for the browser drives it through notebooks or slides; whoever asks for books has them made."""
    for item in items:
        if {"browser", "books"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.notebooks)


@pytest.fixture(autouse=True, scope="module")
def surroundings_stay():
    """What a module's tests put into the environment ends with them: Dask's workers leave one thread for all that follows."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
