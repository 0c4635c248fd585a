"""What a node may rely on of any processors: one suite, on real threads and on the simulation, each bare and behind faults."""

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from dairt.errors import GraphError
from dairt.model.ops import Kernel
from dairt.runtime.host import Compute
from dairt.worlds.faults import Faults
from dairt.worlds.faulty_compute import FaultyCompute
from dairt.worlds.sim.compute import SimCompute
from dairt.worlds.sim.dice import Dice
from dairt.worlds.threads import ThreadCompute

pytestmark = pytest.mark.trio

MATMUL, ADD, RELU = Kernel("matmul"), Kernel("add"), Kernel("relu")


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.fixture(params=["threads", "sim", "threads behind faults", "sim behind faults"])
def compute(request: pytest.FixtureRequest) -> Compute:
    inner: Compute = ThreadCompute(2) if request.param.startswith("threads") else SimCompute("n0", Dice(0))
    return FaultyCompute(inner, "n0", Faults(trio.current_time, Dice(0))) if "faults" in request.param else inner


@pytest.mark.parametrize("size", [2, 300], ids=["small", "large"])
async def test_results_are_numpys_bit_for_bit(compute: Compute, size: int, autojump_clock: MockClock) -> None:
    a, b = normal(size, size), normal(size, size)
    [product] = await compute.run(MATMUL, [a, b])
    [total] = await compute.run(ADD, [a, b])
    assert np.array_equal(product, a @ b)
    assert np.array_equal(total, a + b)


async def test_an_unknown_kernel_is_refused_by_name(compute: Compute, autojump_clock: MockClock) -> None:
    with pytest.raises(GraphError, match="reluu"):
        await compute.run(Kernel("reluu"), [normal(2)])


@pytest.mark.parametrize("size", [2, 3000], ids=["small", "large"])
async def test_inputs_that_do_not_fit_are_refused(compute: Compute, size: int, autojump_clock: MockClock) -> None:
    with pytest.raises(GraphError, match="matmul"):
        await compute.run(MATMUL, [normal(2, size), normal(3, size)])


async def test_several_kernels_at_once_do_not_mix(compute: Compute, autojump_clock: MockClock) -> None:
    results: dict[int, np.ndarray] = {}

    async def one(n: int) -> None:
        [results[n]] = await compute.run(ADD, [np.full(200_000, n, np.float32), np.ones(200_000, np.float32)])

    async with trio.open_nursery() as nursery:
        for n in range(6):
            nursery.start_soon(one, n)
    assert {n: float(result[-1]) for n, result in results.items()} == {n: n + 1.0 for n in range(6)}


async def test_nothing_runs_for_the_cancelled(compute: Compute, autojump_clock: MockClock) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await compute.run(RELU, [normal(2)])
    assert scope.cancelled_caught


async def test_virtual_time_grows_with_the_work_and_repeats_with_the_seed(autojump_clock: MockClock) -> None:
    async def time_of(compute: SimCompute, size: int) -> float:
        began = trio.current_time()
        await compute.run(MATMUL, [normal(size, size), normal(size, size)])
        return trio.current_time() - began

    compute = SimCompute("n0", Dice(0))
    small, large = await time_of(compute, 8), await time_of(compute, 512)
    assert large > 2 * small > 0
    assert await time_of(SimCompute("n0", Dice(0)), 8) == pytest.approx(small, abs=1e-9)
