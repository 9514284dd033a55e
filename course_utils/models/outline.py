"""How a net is printed: on one screen."""

from torch import nn


class Outlined(nn.Module):
    """A net that prints as its parts, one a line, with what each is and how many numbers it learns.

    torch prints every layer, four hundred lines for an FCN; `print(net.backbone)` goes one level deeper here.
    """

    def __repr__(self) -> str:
        def line(name: str, part: nn.Module) -> str:
            return f"{name}: {type(part).__name__}, {sum(each.numel() for each in part.parameters()):,} parameters"

        whole = sum(each.numel() for each in self.parameters())
        parts = [f"  {line(name, part)}" for name, part in self.named_children()]
        return "\n".join([f"{type(self).__name__}, {whole:,} parameters", *parts])
