"""Several processes load pictures; what they cannot open is said before one of them dies of it."""

import pytest

pytestmark = pytest.mark.notebooks  # cells in a kernel of its own

PREPARE = """
import multiprocessing, torch
from torch import nn
from course_utils.data.dataset import load, Dataset, Sample
from course_utils.losses import CrossEntropy
from course_utils.training.loop import train
from course_utils.training.settings import Settings
multiprocessing.set_start_method("METHOD", force=True)

def run(data):
    prepare = lambda images: images / 255
    settings = Settings(epochs=1, batch=2)
    options = {"prepare": prepare, "device": "cpu", "workers": 1, "progress": False}
    return len(train(nn.Conv2d(3, 20, 1), data, CrossEntropy(), settings, **options).losses)

class Mine(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.zeros(3, 8, 8), torch.zeros(8, 8, dtype=torch.int64)

def same(image, mask):
    return image, mask

small = load("stickers", "val", images=24, size=64)
"""
SAID = "so no other process can open the pictures: workers=0"


@pytest.fixture(scope="module")
def kernel():
    """A notebook's kernel: what is defined in it can be imported from nowhere."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def told(kernel, code, method="spawn"):
    """What a cell answers: the last value, or its error."""
    answers = []

    def listen(message):
        content = message["content"]
        if message["msg_type"] == "error":
            answers.append(f"{content['ename']}: {content['evalue']}")
        if message["msg_type"] == "execute_result":
            answers.append(content["data"]["text/plain"])

    kernel.execute_interactive(PREPARE.replace("METHOD", method) + code, timeout=120, output_hook=listen)
    return answers[-1]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("run(Mine())", "Mine is defined in the notebook"),
        ("run(small.with_transform(same))", "same is defined in the notebook"),
        ("run(small.with_transform(lambda image, mask: (image, mask)))", "<lambda> is defined in the notebook"),
        ("from dataclasses import replace; run(replace(small, recipe=None))", "was not opened by load"),
    ],
    ids=["class", "function", "lambda", "no load"],
)
def test_what_only_the_notebook_knows_is_refused_in_words(kernel, code, words):
    answer = told(kernel, code)
    assert answer.startswith("ValueError") and words in answer and SAID in answer


def test_what_workers_can_open_trains(kernel):
    assert told(kernel, "run(Mine())", "fork") == "2"
    assert int(told(kernel, "run(small)")) >= 1
