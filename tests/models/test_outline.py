"""A net prints on one screen."""

import pytest

from course_utils.models import FCN, Heads, LateFusion, PaperFCN, UNet, backbone, parameters_in
from course_utils.training.instances import lite_net

FCN_8S = FCN(backbone("efficientnet_lite0"), 21, 8)
NETS = {
    "backbone": FCN_8S.backbone,
    "FCN": FCN_8S,
    "two heads": Heads(FCN(backbone("efficientnet_lite0"), 24, 16), {"semantic": 21, "geometric": 3}),
    "late fusion": LateFusion(FCN_8S, FCN_8S, 3),
    "paper": PaperFCN("alexnet", 21, trained=False),
    "U-Net": UNet(1, 2),
    "Mask R-CNN": lite_net(FCN_8S.backbone, 2),
}


@pytest.mark.parametrize("name", NETS)
def test_a_net_prints_on_one_screen_with_its_parts(name):
    net = NETS[name]
    printed = repr(net)
    assert len(printed.splitlines()) <= 24
    assert max(map(len, printed.splitlines())) <= 100
    assert printed.startswith(type(net).__name__)
    assert all(f"  {part}: " in printed for part, _ in net.named_children())


def test_it_says_how_many_numbers_are_learned():
    assert f"FCN, {parameters_in(FCN_8S, deconvolutions=True):,} parameters" in repr(FCN_8S)
