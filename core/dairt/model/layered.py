"""A network of seeded weights, described by three numbers: the work that scenarios give a cluster."""

import random

import numpy as np

from dairt.errors import UsageError
from dairt.model.action import GraphRecipe
from dairt.model.expression import GraphBuilder
from dairt.model.graph import Graph


def layered_graph(recipe: GraphRecipe, dice: random.Random | int) -> Graph:
    """`layers` layers of `width` dense ops, each of a `size` x `size` seeded weight, fed `x` (float32, size x size).

    A layer's branches run side by side; each also takes the values of its neighbours on the left, `fan_in` in all, so that
    losing one node is felt by others; the last layer's branches add up to the one output.
    """
    if min(recipe.layers, recipe.width, recipe.size, recipe.fan_in) < 1:
        raise UsageError(f"a layered graph needs layers, width and size of at least 1, not {recipe}")
    seed = dice if isinstance(dice, int) else dice.getrandbits(64)
    numbers = np.random.Generator(np.random.PCG64(seed))
    fan_in = min(recipe.fan_in, recipe.width)
    g = GraphBuilder(f"layered-{recipe.layers}x{recipe.width}x{recipe.size}{f'-{fan_in}' if fan_in > 2 else ''}")
    branches = [g.input("x", (recipe.size, recipe.size))] * recipe.width
    shape, scale = (recipe.size, recipe.size), np.float32(recipe.size**-0.5)  # so that values neither fade nor saturate
    for layer in range(recipe.layers):
        weights = [
            g.constant(numbers.standard_normal(shape, np.float32) * scale, f"w{layer}.{at}") for at in range(recipe.width)
        ]
        mixed = list(branches)
        for left in range(1, fan_in if layer else 1):
            mixed = [value + branches[at - left] for at, value in enumerate(mixed)]
        branches = [(value @ weight).tanh() for value, weight in zip(mixed, weights, strict=True)]
    total = branches[0]
    for branch in branches[1:]:
        total = total + branch
    return g.build(total)
