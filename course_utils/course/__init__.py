"""What delivers the course: the command, lectures run and copied, progress, results, decks, grading. Nothing stands on it."""

import lazy_loader

# what lectures take from this room, by the module that holds it; each is imported when it is first asked for
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "doctor": ["examine"],
        "lessons": ["begin", "choose"],
        "progress": ["start_page"],
        "report": ["excerpt"],
        "results": ["beside_the_paper", "collect", "kept_result", "long_trainings", "record"],
    },
)
