"""The library beneath the course: what the lectures use, written to be read beside the papers.

Nothing is imported here, so that `course --help` answers at once: import from the module that you need.
"""
