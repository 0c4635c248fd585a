"""Only of real threads: which kernels go there, and what becomes of them when nobody waits any more."""

import threading

import numpy as np
import pytest
import trio

from dairt.model.ops import Kernel
from dairt.worlds import kernels
from dairt.worlds.threads import ThreadCompute, is_small

MATMUL, ADD, RELU = Kernel("matmul"), Kernel("add"), Kernel("relu")


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def test_smallness_counts_bytes_work_and_what_comes_out() -> None:
    assert is_small(ADD, [normal(100), normal(100)])
    assert not is_small(RELU, [normal(200, 200)]), "many bytes"
    assert not is_small(MATMUL, [normal(80, 80), normal(80, 80)]), "few bytes, much work"
    assert not is_small(MATMUL, [normal(2000, 1), normal(1, 2000)]), "few bytes that make many"
    assert not is_small(Kernel("Relu", onnx=b"node"), [normal(2)])


@pytest.mark.trio
async def test_a_cancelled_kernel_returns_at_once_and_keeps_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    began, gate, order = trio.Event(), threading.Event(), []

    def slow(kernel: Kernel, inputs: list[np.ndarray]) -> list[np.ndarray]:
        order.append(f"{inputs[0].flat[0]:g} begins")
        if len(order) == 1:
            trio.from_thread.run_sync(began.set)
            gate.wait(10)
            order.append("the thread of 1 is free")
        return inputs

    monkeypatch.setattr(kernels, "apply", slow)
    compute = ThreadCompute(1)
    first, second = (np.full(100_000, n, np.float32) for n in (1, 2))
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(compute.run, RELU, [first])
            await began.wait()
            nursery.cancel_scope.cancel()
        gate.set()
        await compute.run(RELU, [second])
    assert order == ["1 begins", "the thread of 1 is free", "2 begins"]
