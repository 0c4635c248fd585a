"""A look into a tensor says what numpy says, and never more than a bounded part of it is looked at."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dairt.model.numbers import ELEMENTS_MAX, FIRST, tensor_view
from dairt.model.version import Version

V = Version(3, "n0", 1)


@given(st.lists(st.floats(width=32), max_size=200))
def test_range_mean_and_counts_are_those_of_numpy(values: list[float]) -> None:
    array = np.array(values, np.float32)
    view = tensor_view(array, V)
    finite = array[np.isfinite(array)].astype(np.float64)
    assert (view.nans, view.infinite) == (int(np.isnan(array).sum()), int(np.isinf(array).sum()))
    assert view.zeros == int((array == 0).sum())
    if finite.size:
        assert (view.least, view.most) == (finite.min(), finite.max())
        assert view.mean == pytest.approx(finite.mean(), rel=1e-6, abs=1e-6)
    assert np.array_equal(np.array(view.first), array[:FIRST].astype(np.float64), equal_nan=True)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "float64"])
def test_every_dtype_that_travels_can_be_looked_into(dtype: str) -> None:
    view = tensor_view(np.arange(6).reshape(2, 3).astype(dtype), V)
    assert (view.version, view.dtype, view.shape, view.looked_at, view.nans) == (V, dtype, (2, 3), 6, 0)
    assert view.first[:2] == (0.0, 1.0)


def test_nothing_and_a_single_number_are_tensors_too() -> None:
    assert tensor_view(np.zeros((0, 3), np.float32), V).looked_at == 0
    assert tensor_view(np.full((), 2.5, np.float32), V).first == (2.5,)


def test_of_a_large_tensor_the_beginning_is_looked_at() -> None:
    view = tensor_view(np.broadcast_to(np.int8(1), (ELEMENTS_MAX + 5,)), V)
    assert (view.looked_at, view.shape) == (ELEMENTS_MAX, (ELEMENTS_MAX + 5,))
