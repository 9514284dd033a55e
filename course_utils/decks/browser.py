"""The Chromium that is on the machine, driven by Playwright: for PDF, and for the tests that look at every slide."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge", "microsoft-edge")
PAGE = {"width": 1280, "height": 720}
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"]


def chromium() -> str | None:
    """Where a Chromium, Chrome or Edge is; None where there is none on the path."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browser() -> Iterator:
    """A headless browser, for as long as the block lasts.

    Raises:
        RuntimeError: where neither the path nor Playwright's own folder has one; says what to install.
    """
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=chromium(), args=OPTIONS)
        except Error as error:
            raise RuntimeError(
                "a PDF is printed by Chromium, and none was found that starts: install Chromium or Chrome, or run "
                f"`playwright install chromium` ({str(error).strip().splitlines()[0]})"
            ) from None
        try:
            yield started
        finally:
            started.close()
