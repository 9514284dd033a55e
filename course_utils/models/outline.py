"""How a net is printed: on one screen."""

from torch import nn


class Outlined(nn.Module):
    """A net that prints as its parts, one a line, with what each is and how many numbers it learns.

    torch prints every layer, four hundred lines for an FCN; `print(net.backbone)` goes one level deeper here.
    """

    def __repr__(self) -> str:
        return "\n".join([_line(self), *(f"  {name}: {_line(part)}" for name, part in self.named_children())])


def _line(part: nn.Module) -> str:
    return f"{type(part).__name__}, {sum(each.numel() for each in part.parameters()):,} parameters"
