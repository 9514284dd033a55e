"""Whether an answer changed the things that judge it: the course's checks, torch, Python's own functions."""

import sys
from types import FunctionType, ModuleType

JUDGES = (
    "builtins",
    "math",
    "inspect",
    "numpy",
    "torch",
    "torch.nn",
    "torch.nn.functional",
    "torch.nn.init",
    "torch.testing",
)


def judges() -> dict[str, ModuleType]:
    """The modules that a check relies on: all of the course that is imported, and those that compare numbers."""
    return {
        name: module
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType) and (name in JUDGES or name.partition(".")[0] == "course_utils")
    }


def contents(module: ModuleType) -> dict:
    """What a module holds, by name; of its functions their code, of its classes their methods."""
    held: dict = {}
    for name, value in list(vars(module).items()):
        held[name,] = value
        if isinstance(value, FunctionType):
            held[name, "code"] = value.__code__
            held[name, "defaults"] = value.__defaults__
        elif isinstance(value, type):
            for method, body in list(vars(value).items()):
                if not method.startswith("__") or callable(body):
                    held[name, method] = body
                if isinstance(body, FunctionType):
                    held[name, method, "code"] = body.__code__
    return held


def snapshot() -> dict[str, dict]:
    """What the judges hold now."""
    return {name: contents(module) for name, module in judges().items()}


def changed(before: dict[str, dict]) -> list[str]:
    """What is no longer what it was at the snapshot, such as `course_utils.exercises.lecture02.Wrong`."""
    found = []
    for name, was in before.items():
        if name not in sys.modules:
            found.append(name)
            continue
        now = contents(sys.modules[name])
        for key, value in was.items():
            if now.get(key, found) is not value:
                found.append(".".join((name, *key)))
        if name.partition(".")[0] == "course_utils":  # a new name there may hide one of Python's own, such as len
            found += [
                ".".join((name, *key))
                for key in now.keys() - was.keys()
                if len(key) == 1 and not isinstance(now[key], ModuleType) and key[0] != "__warningregistry__"
            ]
    return found
