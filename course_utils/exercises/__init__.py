"""Exercises and quizzes: for each lecture what they say (`lectureNN.toml`) and how they judge (`lectureNN.py`)."""

import lazy_loader

# what lectures take from this room, by the module that holds it; each is imported when it is first asked for
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "engine": ["NotYet", "Wrong", "check", "hint"],
        "quizzes": ["quiz"],
    },
)
