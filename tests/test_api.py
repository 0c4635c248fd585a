"""The public API: what `import dairt` gives."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dairt


def test_every_public_name_is_there() -> None:
    for name in dairt.__all__:
        assert getattr(dairt, name).__doc__
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = dairt.no_such_thing


def test_importing_dairt_alone_imports_nothing_heavy() -> None:
    program = "import sys, dairt, dairt.errors; print([m for m in ('numpy', 'trio', 'onnx') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


async def test_a_local_cluster_broadcasts_runs_and_restores(tmp_path: Path) -> None:
    g = dairt.GraphBuilder("mlp")
    x = g.input("x", (2, 4))
    weights = np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32)
    graph = g.build((x @ g.constant(weights, "w")).relu())
    feeds = {"x": np.random.default_rng(2).standard_normal((2, 4)).astype(np.float32)}
    async with dairt.open_local_cluster(3, data=tmp_path) as cluster:
        receipt = await cluster.broadcast("v", weights)
        assert receipt.durable == ("n0", "n1", "n2")
        [output] = (await cluster.run(graph, feeds)).values()
    np.testing.assert_array_equal(output, np.maximum(feeds["x"] @ weights, 0))
    async with dairt.open_local_cluster(3, data=tmp_path) as cluster:
        assert all("v" in {c.key for c in view.checkpoints} for view in cluster.node_views())
