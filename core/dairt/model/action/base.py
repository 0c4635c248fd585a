"""What actions are about: links between nodes, and recipes for tensors and graphs; values that are described, not carried."""

import msgspec

ANY = "any"  # every other node, at one end of a link
JOIN = "+"  # several nodes in one word: n0+n1


def named(who: str) -> tuple[str, ...]:
    """The nodes that a word names: one, or several joined as `n0+n1`."""
    return tuple(who.split(JOIN))


class Link(msgspec.Struct, frozen=True):
    """The way between two sides: both directions, or from `a` to `b` only.

    A side is a node, several as `n0+n1`, or `any`, which stands for every other node.
    """

    a: str
    b: str
    one_way: bool = False

    def covers(self, source: str, target: str) -> bool:
        """Say whether bytes going from `source` to `target` travel on this link."""
        return self._matches(source, target) or (not self.one_way and self._matches(target, source))

    def _matches(self, source: str, target: str) -> bool:
        return _is_among(source, self.a) and _is_among(target, self.b)

    def __str__(self) -> str:
        return f"{self.a}{'→' if self.one_way else '↔'}{self.b}"


class TensorRecipe(msgspec.Struct, frozen=True):
    """A tensor described rather than carried: `fill` is seeded (standard normal), zeros, ones or range."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    fill: str = "seeded"


class GraphRecipe(msgspec.Struct, frozen=True):
    """A graph described: an ONNX or TOML file, or a layered network of seeded weights."""

    onnx: str = ""
    layers: int = 4
    width: int = 3
    size: int = 64
    fan_in: int = 2  # how many branches of the layer before an op takes


def _is_among(name: str, who: str) -> bool:
    return who in (name, ANY) or (JOIN in who and name in named(who))
