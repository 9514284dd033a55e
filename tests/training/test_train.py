"""The promises of train.py: the same weights however often it is killed and however many share it, and it stops at nonsense."""

import copy
import io
import json
import multiprocessing
import socket
import time
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from course_utils.data.dataset import Dataset, Sample, load
from course_utils.losses import CrossEntropy, Dice
from course_utils.training.batches import Plan
from course_utils.training.kept_nets import train_or_load
from course_utils.training.loop import NonFiniteLoss, overfit_one_batch, train
from course_utils.training.made_of import fingerprint
from course_utils.training.saving import read, save
from course_utils.training.settings import Settings, freeze, make_optimiser, schedule, set_learning_rate
from tests.training.tiny_training import Stripes, digits_of, make_net, shared, unbroken_or_killed, write_fingerprint

QUICK = Settings(epochs=2, batch=4, lr=1e-2)


def run(net=None, dataset=None, loss=None, settings=QUICK, **options):
    net = net or make_net()
    options = {"device": "cpu", "progress": False} | options
    return net, train(net, dataset or Stripes(), loss or CrossEntropy(), settings, **options)


def same_weights(first, second):
    first, second = (net.state_dict() if isinstance(net, nn.Module) else net for net in (first, second))
    return all(torch.equal(first[name], second[name]) for name in first | second)


@pytest.fixture(scope="module")
def processes():
    """Makes processes that have imported everything already, where the system can fork one."""
    ways = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in ways else "spawn")
    if "forkserver" in ways:
        context.set_forkserver_preload(["tests.training.tiny_training"])
    return context.Process


def finish(process):
    process.start()
    process.join(timeout=120)
    assert process.exitcode == 0


# Killed and continued


@pytest.mark.notebooks
def test_killed_again_and_again_it_reaches_the_weights_of_an_unbroken_run(tmp_path, processes):
    whole, broken, checkpoint = (tmp_path / name for name in ("whole.pt", "broken.pt", "checkpoint.pt"))
    finish(processes(target=unbroken_or_killed, args=(whole, None, 0.0)))
    killed_at = []
    while len(killed_at) < 4:
        process = processes(target=unbroken_or_killed, args=(broken, checkpoint, 0.02))
        process.start()
        before, done = killed_at[-1] if killed_at else 0, 0
        while done < before + 4 and process.is_alive():
            time.sleep(0.02)
            done = len(read(checkpoint)["history"]["losses"]) if checkpoint.exists() else 0
        process.kill()  # SIGKILL: wherever it is by now, in the middle of a write too
        process.join(timeout=120)
        assert process.exitcode != 0
        killed_at.append(done)
    finish(processes(target=unbroken_or_killed, args=(broken, checkpoint, 0.0)))
    assert killed_at == sorted(set(killed_at))
    assert killed_at[0] > 0
    assert killed_at[-1] < 24
    assert same_weights(read(whole), read(broken))


def test_a_training_broken_off_anywhere_is_continued_to_the_same_weights_and_history(tmp_path):
    whole, history = run(settings=Settings(epochs=2, batch=4, accumulate=2))

    class PowerCut(Exception):
        pass

    def cut(net):
        raise PowerCut

    settings, path = Settings(epochs=2, batch=4, accumulate=2), tmp_path / "part.pt"
    with pytest.raises(PowerCut):
        run(settings=settings, checkpoint=path, every=0, validate=cut)
    again = make_net()
    with torch.no_grad():  # another start: all that counts has to come out of the file
        again[0].weight.zero_()
    _, continued = run(again, settings=settings, checkpoint=path)
    assert same_weights(whole, again)
    assert continued.losses == history.losses
    assert continued.epochs == history.epochs


@pytest.mark.parametrize("epochs", [3, 2.5])
def test_a_training_that_stopped_half_way_goes_on_to_the_same_weights_and_history(tmp_path, epochs):
    settings, path = Settings(epochs=epochs, batch=4, lr=1e-2), tmp_path / "part.pt"
    whole, history = run(settings=settings)
    for until, steps in (
        (0.25, round(1.5 * epochs)),
        (2 / epochs, 12),
        (2 / epochs, 12),
    ):  # the last one has nothing to do
        half, begun = run(settings=settings, checkpoint=path, until=until, every=1e9)
        assert not half.training
        assert begun.losses == history.losses[:steps]
        assert begun.epochs == history.epochs[: steps // 6]
        assert not same_weights(half, whole)
    net, continued = run(settings=settings, checkpoint=path)
    assert same_weights(net, whole)
    assert continued.losses == history.losses
    assert continued.epochs == history.epochs


def test_a_stop_that_is_passed_already_or_beyond_the_end_is_refused_in_words(tmp_path):
    run(checkpoint=tmp_path / "part.pt")
    with pytest.raises(ValueError, match=r"until = 0\.5 is step 6, and this training stands at step 12 already"):
        run(checkpoint=tmp_path / "part.pt", until=0.5)
    for until in (0, 1.5, float("nan")):
        with pytest.raises(ValueError, match=f"until = {until}: a share of the steps, above 0 and up to 1"):
            run(until=until)


def watched(seen):
    """The stripes, as the same data set by name, which write down what they are asked for."""

    class Watched(Stripes):
        def __getitem__(self, index):
            seen.append(index)
            return super().__getitem__(index)

    Watched.__qualname__ = Stripes.__qualname__
    return Watched()


def test_a_finished_training_is_not_trained_again(tmp_path):
    net, history = run(checkpoint=tmp_path / "done.pt")
    seen = []
    again, continued = run(dataset=watched(seen), checkpoint=tmp_path / "done.pt")
    assert same_weights(net, again)
    assert continued.losses == history.losses
    assert len(seen) == 5, "only those that are compared"


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    run(checkpoint=path)
    with pytest.raises(ValueError, match=r"a training with lr = 0.01, and now 0.02"):
        run(checkpoint=path, settings=Settings(epochs=2, batch=4, lr=0.02))
    with pytest.raises(ValueError, match="holds another net"):
        run(make_net(batch_norm=False), checkpoint=path)


def partly_frozen():
    net = make_net()
    freeze(net[0])
    return net


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"loss": Dice()}, r"loss = CrossEntropy\(.* and now Dice\("),
        ({"loss": CrossEntropy(weights=[1, 1, 2])}, r"loss = CrossEntropy\(weights=None.*weights=\[1.0, 1.0, 2.0\]"),
        ({"loss": nn.functional.cross_entropy}, "loss = .* and now cross_entropy"),
        ({"prepare": lambda images: images / 2}, "prepare"),
        ({"settings": Settings(epochs=2, batch=4, lr=1e-2, schedule="poly")}, "schedule = cosine, and now poly"),
        ({"settings": Settings(epochs=1, batch=4, lr=1e-2)}, "epochs = 2, and now 1"),
        ({"settings": Settings(epochs=4, batch=4, lr=1e-3)}, "lr = 0.01, and now 0.001"),
        ({"net": partly_frozen()}, "holds another net"),
        ({"net": make_net(dropout=0.3)}, "holds another net"),
        ({"dataset": torch.utils.data.Subset(Stripes(), range(20))}, "pictures = 24, and now 20"),
        ({"dataset": torch.utils.data.Subset(Stripes(), [*range(7), 8, 7, *range(9, 24)])}, "what the pictures show"),
    ],
    ids=[
        "loss",
        "weights",
        "function",
        "prepare",
        "schedule",
        "fewer",
        "more and lr",
        "frozen",
        "dropout",
        "n",
        "order",
    ],
)
def test_whatever_shapes_a_net_stops_a_training_that_was_another(tmp_path, other, said):
    path = tmp_path / "checkpoint.pt"
    usual = {"dataset": torch.utils.data.Subset(Stripes(), range(24))}
    run(checkpoint=path, **usual)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=said) as refused:
        run(checkpoint=path, **(usual | other))
    assert "delete" in str(refused.value) and "--out" in str(refused.value), "the ways out"
    assert path.read_bytes() == before
    run(checkpoint=path, **usual)


def test_a_training_broken_off_under_one_loss_does_not_go_on_under_another(tmp_path):
    def cut(net):
        raise KeyboardInterrupt

    path = tmp_path / "checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        run(checkpoint=path, every=0, validate=cut)
    with pytest.raises(ValueError, match=r"loss = .* and now Dice"):
        run(loss=Dice(), checkpoint=path)


def test_other_first_weights_give_way_to_the_files_and_that_is_said(tmp_path, capsys):
    first, _ = run(checkpoint=tmp_path / "checkpoint.pt")
    other = make_net()
    with torch.no_grad():
        other[0].weight.zero_()
    run(other, checkpoint=tmp_path / "checkpoint.pt")
    assert "began with other weights than this net has: it goes on with its own" in capsys.readouterr().out
    assert same_weights(first, other)


@pytest.mark.parametrize("begun", [2, 1.5])
def test_more_epochs_go_on_from_the_end_and_say_so(tmp_path, capsys, begun):
    path, longer = tmp_path / "checkpoint.pt", Settings(epochs=4, batch=4, lr=1e-2)
    _, short = run(checkpoint=path, settings=Settings(epochs=begun, batch=4, lr=1e-2))
    net, history = run(checkpoint=path, settings=longer)
    said = capsys.readouterr().out
    step = int(6 * begun)
    assert f"goes on from step {step}, with 4 epochs instead of {begun:g}" in said
    assert f"step {step} of 24 ({1e-2 * schedule(longer, step, 24):.2g}, schedule cosine)" in said
    assert history.losses[:step] == short.losses and len(history.losses) == 24
    assert [epoch["steps"] for epoch in history.epochs] == [6, 12, 18, 24]
    assert history.lengthened == [{"step": step, "from": begun, "to": 4}]
    again, kept = run(checkpoint=path, settings=longer)
    assert same_weights(net, again) and kept.lengthened == history.lengthened
    assert "goes on" not in capsys.readouterr().out


def test_with_a_constant_rate_more_epochs_later_are_more_epochs_at_once(tmp_path):
    def settings(epochs):
        return Settings(epochs=epochs, batch=4, lr=1e-2, schedule="constant", warm_up=0)

    whole, _ = run(settings=settings(3))
    run(checkpoint=tmp_path / "checkpoint.pt", settings=settings(2))
    longer, _ = run(checkpoint=tmp_path / "checkpoint.pt", settings=settings(3))
    assert same_weights(whole, longer)


def test_a_lengthened_training_broken_off_is_continued_to_the_same_weights(tmp_path):
    first, second = tmp_path / "first.pt", tmp_path / "second.pt"
    for path in (first, second):
        run(checkpoint=path)
    longer = Settings(epochs=4, batch=4, lr=1e-2)
    whole, _ = run(checkpoint=first, settings=longer)

    def cut(net):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(checkpoint=second, settings=longer, every=0, validate=cut)
    broken, history = run(checkpoint=second, settings=longer)
    assert same_weights(whole, broken) and len(history.lengthened) == 1


def test_a_damaged_checkpoint_is_named(tmp_path):
    path = tmp_path / "checkpoint.pt"
    run(checkpoint=path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"checkpoint.pt' is damaged .* delete it"):
        run(checkpoint=path)


def test_a_write_that_fails_leaves_the_old_file_and_no_scraps(tmp_path, monkeypatch):
    save({"step": 1}, tmp_path / "kept.pt")

    def full(state, file):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        save({"step": 2}, tmp_path / "kept.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["kept.pt"]
    assert read(tmp_path / "kept.pt") == {"step": 1}


# The same training


def test_the_same_seed_gives_the_same_weights_and_another_one_others():
    first, second, other = (run(settings=Settings(epochs=1, batch=4, seed=seed))[0] for seed in (0, 0, 1))
    assert same_weights(first, second)
    assert not same_weights(first, other)


def test_training_leaves_the_callers_chance_alone():
    torch.manual_seed(5), np.random.seed(5)
    expected = torch.rand(3), np.random.rand()
    torch.manual_seed(5), np.random.seed(5)
    run()
    assert torch.equal(torch.rand(3), expected[0])
    assert np.random.rand() == expected[1]


def test_gradients_accumulated_over_two_batches_are_those_of_one_of_twice_the_size():
    nets = []
    for batch, accumulate in ((4, 2), (8, 1)):
        settings = Settings(epochs=2, batch=batch, accumulate=accumulate, optimiser="sgd", lr=0.1)
        nets.append(run(make_net(0.0, batch_norm=False), settings=settings)[0])
    for ours, theirs in zip(*(net.parameters() for net in nets), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.notebooks
def test_two_processes_reach_the_weights_of_one_with_the_doubled_batch(tmp_path, processes):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    two, one = tmp_path / "two.pt", tmp_path / "one.pt"
    both = [
        processes(target=shared, args=(two, 4, {"RANK": rank, "WORLD_SIZE": 2, "MASTER_PORT": port})) for rank in (0, 1)
    ]
    both[1].start()
    finish(both[0])
    both[1].join(timeout=120)
    assert both[1].exitcode == 0
    finish(processes(target=shared, args=(one, 8)))
    two, one = read(two), read(one)
    start = make_net(0.0, False).state_dict()
    for name in one:
        assert (one[name] - start[name]).abs().max() > 1e-3
        torch.testing.assert_close(two[name], one[name], rtol=1e-5, atol=1e-6)


def test_every_process_sees_its_own_pictures_and_together_they_see_those_of_one():
    settings = Settings(epochs=2, batch=3, accumulate=2)
    alone = list(Plan(30, Settings(epochs=2, batch=6, accumulate=2)).batches(0))
    shared = [list(Plan(30, settings, 2, process).batches(0)) for process in (0, 1)]
    assert [first + second for first, second in zip(*shared, strict=True)] == alone
    epoch = [place for batch in alone[:4] for place in batch]
    assert len(set(epoch)) == len(epoch) == 24


# Stopping at nonsense


def test_the_first_loss_that_is_not_a_number_stops_it_and_the_batch_is_named():
    class Spoilt(Stripes):
        def __getitem__(self, index):
            image, mask = super().__getitem__(index)
            return (image * float("nan"), mask) if index == 7 else (image, mask)

    net = make_net(batch_norm=False)
    with pytest.raises(NonFiniteLoss) as stopped:
        run(net, Spoilt())
    assert "the loss is nan at step" in str(stopped.value)
    assert "stripe_07" in str(stopped.value)
    assert all(torch.isfinite(value).all() for value in net.state_dict().values())


def test_a_learning_rate_much_too_high_is_stopped_too():
    with pytest.raises(NonFiniteLoss, match="take a smaller learning rate"):
        run(make_net(batch_norm=False), settings=Settings(epochs=20, batch=4, lr=1e12, optimiser="sgd"))


def test_pictures_of_void_alone_change_nothing_and_stop_nothing():
    images, masks = torch.randn(8, 3, 12, 16), torch.full((8, 12, 16), 255)
    settings = Settings(epochs=1, batch=4, weight_decay=0)
    net, history = run(make_net(batch_norm=False), TensorDataset(images, masks), settings=settings)
    assert history.losses == [0, 0]
    assert same_weights(net, make_net(batch_norm=False))


def test_pixels_that_nobody_prepared_are_refused_in_words():
    images, masks = torch.zeros(4, 3, 12, 16, dtype=torch.uint8), torch.zeros(4, 12, 16, dtype=torch.int64)
    with pytest.raises(ValueError, match="would get uint8 pixels: say how to prepare them"):
        run(dataset=TensorDataset(images, masks))


def test_pictures_of_several_sizes_are_refused_in_words():
    class Ragged(Stripes):
        def __getitem__(self, index):
            image, mask = super().__getitem__(index)
            return image[:, : 8 + index % 2], mask[: 8 + index % 2]

    with pytest.raises(ValueError, match=r"different sizes \(8x16, 9x16\): crop them alike"):
        run(dataset=Ragged())


def test_fewer_pictures_than_a_step_takes_are_refused_in_words():
    with pytest.raises(ValueError, match=r"a step takes 32 pictures \(batch 16 x accumulate 2 x processes 1\), and"):
        run(settings=Settings(epochs=1, batch=16, accumulate=2))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"optimiser": "adam"}, "optimiser = 'adam': choose one of adamw, sgd"),
        ({"schedule": "step"}, "schedule = 'step'"),
        ({"lr": -1}, "lr = -1: a number above 0"),
        ({"batch": 2.5}, "whole numbers"),
        ({"warm_up": 2}, "warm_up = 2: a share"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        Settings(**setting)


# Learning


def test_it_learns_one_batch_by_heart_and_leaves_the_net_alone():
    net = make_net()
    before = copy.deepcopy(net.state_dict())
    samples = [Stripes()[index] for index in range(4)]
    images, masks = (torch.stack(part) for part in zip(*samples, strict=True))
    for loss in (CrossEntropy(), Dice()):
        copied, history = overfit_one_batch(net, images, masks, loss, steps=150, lr=2e-2, device="cpu")
        assert history.losses[-1] < 0.15 * history.losses[0]
    known = masks != 255
    assert (copied(images).argmax(1) == masks)[known].float().mean() > 0.95
    assert same_weights(net, before)


def test_biases_learn_at_twice_the_rate_and_do_not_decay():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    settings = Settings(lr=0.1, weight_decay=0.5)
    optimiser = make_optimiser(net, settings)
    set_learning_rate(optimiser, Settings(lr=0.1, warm_up=0), 0, 10)
    rates = {id(p): (group["lr"], group["weight_decay"]) for group in optimiser.param_groups for p in group["params"]}
    assert rates[id(net[0].weight)] == pytest.approx((0.1, 0.5))
    assert rates[id(net[0].bias)] == pytest.approx((0.2, 0.0))
    assert rates[id(net[1].weight)] == rates[id(net[1].bias)] == pytest.approx((0.1, 0.0))


def test_a_backbone_may_learn_more_slowly():
    net = nn.ModuleDict({"backbone": nn.Conv2d(3, 4, 1, bias=False), "score": nn.Conv2d(4, 2, 1, bias=False)})
    optimiser = make_optimiser(net, Settings(backbone_lr=0.25))
    factors = {id(p): group["lr_factor"] for group in optimiser.param_groups for p in group["params"]}
    assert (factors[id(net["backbone"].weight)], factors[id(net["score"].weight)]) == (0.25, 1.0)


@pytest.mark.parametrize("name", ["constant", "poly", "cosine"])
def test_the_learning_rate_rises_then_falls_as_the_schedule_says(name):
    settings = Settings(schedule=name, warm_up=0.2)
    rates = [schedule(settings, step, 50) for step in range(50)]
    assert rates[:10] == sorted(rates[:10])
    assert 0 < rates[0] < 0.1
    assert rates[10] == 1
    after = rates[10:]
    assert set(after) == {1.0} if name == "constant" else after == sorted(after, reverse=True) and after[-1] < 0.05
    if name == "poly":
        assert rates[30] == pytest.approx(0.5**0.9)


def test_what_is_frozen_stays_as_it_is_batch_norm_statistics_included():
    net = make_net()
    freeze(net[1])
    before = copy.deepcopy(net.state_dict())
    run(net)
    changed = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {name for name in before if not name.startswith("1.")}


def test_batch_norm_statistics_can_be_kept_while_its_weights_learn():
    net = make_net()
    before = copy.deepcopy(net.state_dict())
    run(net, settings=Settings(epochs=1, batch=4, batch_norm="keep"))
    assert torch.equal(net[1].running_mean, before["1.running_mean"])
    assert not torch.equal(net[1].weight, before["1.weight"])


def test_nothing_to_train_is_said():
    with pytest.raises(ValueError, match="every parameter of the net is frozen"):
        run(freeze(make_net()))


def test_bfloat16_learns_as_float32_does():
    ours, theirs = (
        run(settings=Settings(epochs=6, batch=4, lr=1e-2, precision=precision))[1].losses[-1]
        for precision in ("bfloat16", "float32")
    )
    assert ours == pytest.approx(theirs, rel=0.05)


def test_scores_are_taken_after_each_epoch_with_the_net_in_eval_mode():
    modes = []

    def validate(net):
        modes.append(net.training)
        return {"mean_iu": len(modes) / 10}

    net, history = run(validate=validate)
    assert modes == [False, False]
    assert history.score("mean_iu") == [(6, 0.1), (12, 0.2)]
    assert not net.training
    assert history.line().startswith("epoch 2  loss 0.")
    assert history.line().endswith("mean_iu 0.200")
    history.epochs[-1] |= {f"matched_{iou}": 0.5 for iou in range(50, 100, 5)}
    assert history.line().endswith("matched_75 0.500  and 4 more"), "one line stays one line"


def test_lines_of_text_are_printed_outside_notebooks(capsys):
    run(progress=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:12] for line in lines] == ["epoch 1 of 2", "epoch 2 of 2"]


def test_curves_are_drawn_in_one_place_in_a_notebook(monkeypatch):
    import IPython.display
    from PIL import Image

    from course_utils.figures import learning
    from course_utils.training import progress

    shown = []

    class Handle:
        def update(self, data, **options):
            shown.append((data, options))

    def display(data, **options):
        shown.append((data, options))
        return Handle()

    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    monkeypatch.setattr(progress, "live_curves", learning.LiveCurves)
    monkeypatch.setattr(learning, "REDRAW", 0.0)
    monkeypatch.setattr(IPython.display, "display", display)
    run(settings=Settings(epochs=1, batch=8), progress=True, validate=lambda net: {"mean_iu": 0.5})
    assert len(shown) == 4
    assert shown[0][1].pop("display_id") is True
    for data, options in shown:
        assert Image.open(io.BytesIO(data["image/png"])).size[0] > 600
        assert options["metadata"]["image/png"]["alt"]


# Trained once


def kept(tmp_path, net=None, dataset=None, loss=None, settings=QUICK, said=None, **options):
    net = net or make_net()
    said = [] if said is None else said
    options = {"device": "cpu", "progress": False} | options
    loss = loss or CrossEntropy()
    history = train_or_load(
        "tiny", net, dataset or Stripes(), loss, settings, folder=tmp_path, say=said.append, **options
    )
    return net, history, said


def test_the_same_training_is_loaded_the_second_time(tmp_path):
    first, history, _ = kept(tmp_path)
    second, again, said = kept(tmp_path)
    assert "tiny: loaded, as trained before" in said[0]
    assert same_weights(first, second)
    assert again == history
    assert not second.training
    assert len(list(tmp_path.iterdir())) == 1


def test_a_net_is_kept_half_way_and_goes_on_from_there_to_what_it_would_have_been(tmp_path):
    whole, history, _ = kept(tmp_path / "at once")
    half, begun, _ = kept(tmp_path, until=0.5)
    assert begun.losses == history.losses[:6]
    seen = []
    net, continued, said = kept(tmp_path, dataset=watched(seen))
    assert same_weights(net, whole)
    assert continued.losses == history.losses
    assert len(seen) == 5 + 24, "those that are compared, and the second epoch's"
    again, once_more, said = kept(tmp_path, until=0.5)
    assert "tiny: loaded" in said[0]
    assert same_weights(again, half)
    assert once_more == begun
    assert not list(tmp_path.glob("*.unfinished.pt"))


def with_attribute(net, value):
    """The net with something in it that its forward may call."""
    net.called = value
    return net


@pytest.mark.parametrize(
    "other",
    [
        {"settings": Settings(epochs=2, batch=4, lr=2e-2)},
        {"settings": Settings(epochs=2, batch=4, lr=1e-2, seed=1)},
        {"loss": CrossEntropy(weights=[1, 1, 2])},
        {"net": make_net(dropout=0.3)},
        {"net": freeze(make_net())},
        {"net": with_attribute(make_net(), partial(torch.mul, other=2.0))},
        {"prepare": lambda images: images / 2},
        {"prepare": partial(torch.mul, other=3.0)},
        {"dataset": torch.utils.data.Subset(Stripes(), range(20))},
    ],
    ids=["lr", "seed", "weights", "dropout", "frozen", "attribute", "lambda", "partial", "data"],
)
def test_whatever_shapes_a_net_changes_its_fingerprint(other):
    usual = {"net": make_net(), "dataset": Stripes(), "loss": CrossEntropy(), "settings": QUICK, "prepare": None}

    def digits(parts):
        return digits_of(*parts.values())

    assert digits(usual) == digits(usual | {"net": make_net(), "dataset": Stripes()})
    assert digits(usual) != digits(usual | other)


class Doubled:
    """A transform whose settings show in no picture's first sample."""

    def __init__(self, chance):
        self.chance = chance

    def __call__(self, image, mask):
        return image, mask


def test_what_a_transform_and_a_closure_hold_counts():
    def made(chance, factor):
        data = load("stickers", "train", images=6, size=64).with_transform(Doubled(chance))
        scale = torch.tensor([factor])
        return digits_of(
            make_net(),
            data,
            lambda scores, _: (scores * scale).mean(),
            QUICK,
        )

    assert made(0.1, 1.0) == made(0.1, 1.0)
    assert len({made(0.1, 1.0), made(0.2, 1.0), made(0.1, 2.0)}) == 3


HELD_OUT = torch.utils.data.Subset(Stripes(), [0, 1])


def judged(net):
    return {"pictures": len(HELD_OUT)}


def test_two_equally_large_sets_to_validate_on_have_different_fingerprints(monkeypatch):
    first = fingerprint({}, judged)
    assert fingerprint({}, judged) == first
    monkeypatch.setitem(globals(), "HELD_OUT", torch.utils.data.Subset(Stripes(), [0, 2]))
    assert fingerprint({}, judged) != first


def test_a_batch_norm_with_nothing_to_average_over_says_what_to_do():
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3))
    with pytest.raises(ValueError, match=r"a batch of 1 picture of 12x16 .*batch = 2.*batch_norm = 'keep'"):
        train(
            net, Stripes(), lambda scores, _: scores.mean(), Settings(epochs=1, batch=1), device="cpu", progress=False
        )


FACTOR = 1.0


def scaled(scores, _):
    return (scores * FACTOR).mean()


def test_a_constant_that_a_function_takes_from_its_notebook_counts(monkeypatch):
    def digits():
        return digits_of(make_net(), Stripes(), scaled, QUICK)

    one = digits()
    assert digits() == one
    monkeypatch.setitem(globals(), "FACTOR", 2.0)
    assert digits() != one


def test_a_checkpoint_that_does_not_say_what_made_it_is_refused(tmp_path):
    run(checkpoint=tmp_path / "old.pt")
    state = read(tmp_path / "old.pt")
    del state["history"]["made"]
    save(state, tmp_path / "old.pt")
    with pytest.raises(ValueError, match="does not say what made it"):
        run(checkpoint=tmp_path / "old.pt")


def test_every_picture_counts_and_not_a_few_alone(tmp_path):
    pictures = [torch.full((3, 8, 8), number, dtype=torch.uint8) for number in range(9)]
    mask = torch.zeros(8, 8, dtype=torch.int64)

    def digits(changed):
        def read(item):
            return Sample(pictures[int(item)], mask + (int(item) == changed))

        data = Dataset("own", "train", ["a", "b"], [(0, 0, 0)] * 2, [str(number) for number in range(9)], read)
        return digits_of(make_net(), data, CrossEntropy(), QUICK)

    assert len({digits(changed) for changed in (None, *range(9))}) == 10


def test_the_librarys_code_is_part_of_the_fingerprint(monkeypatch, tmp_path):
    import course_utils.training.made_of as fingerprints

    (tmp_path / "losses.py").write_text("old")
    monkeypatch.setattr(fingerprints, "PACKAGE", tmp_path)
    monkeypatch.setattr(fingerprints, "CODE", ("losses.py",))
    old = fingerprints.code_version.__wrapped__()
    (tmp_path / "losses.py").write_text("new")
    assert fingerprints.code_version.__wrapped__() != old


@pytest.mark.notebooks
def test_the_fingerprint_is_the_same_in_another_process(tmp_path, processes):
    finish(processes(target=write_fingerprint, args=(tmp_path / "digits",)))
    ours = digits_of(make_net(), Stripes(), CrossEntropy(), Settings(), torch.relu)
    assert (tmp_path / "digits").read_text() == ours


def test_a_kept_net_that_is_damaged_is_trained_again(tmp_path):
    first, _, _ = kept(tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"PK nonsense")
    second, _, said = kept(tmp_path)
    assert "so it is trained again" in said[0]
    assert same_weights(first, second)
    assert "loaded" in kept(tmp_path)[2][0]


def test_where_nothing_can_be_kept_it_trains_all_the_same(tmp_path):
    (tmp_path / "file").write_text("no folder")
    net, _, said = kept(tmp_path / "file")
    assert "this net will not be kept" in said[0]
    assert same_weights(net, run()[0])


def test_the_cache_is_where_course_cache_says(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    train_or_load("tiny", make_net(), Stripes(), CrossEntropy(), QUICK, device="cpu", progress=False)
    assert [path.parent.name for path in tmp_path.rglob("*.pt")] == ["trained"]


def test_settings_are_json():
    assert json.loads(json.dumps(Settings().describe()))["optimiser"] == "adamw"
