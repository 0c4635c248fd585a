"""A look at what is in a tensor, as people check one: its range, its mean, what is no number, and how it begins."""

import numpy as np

from dairt.model.version import Version
from dairt.model.views import TensorView

ELEMENTS_MAX = 4 * 2**20  # a tenth of a second of one core; of a larger tensor the beginning is looked at
FIRST = 32  # a few lines of a terminal


def tensor_view(array: np.ndarray, version: Version) -> TensorView:
    """What is in `array`, of which the first `ELEMENTS_MAX` elements are looked at; range and mean are of finite ones."""
    values = array.reshape(-1)[:ELEMENTS_MAX]
    finite = values[np.isfinite(values)]
    return TensorView(
        version=version,
        dtype=array.dtype.name,
        shape=array.shape,
        nbytes=array.nbytes,
        looked_at=values.size,
        least=float(finite.min()) if finite.size else 0.0,
        most=float(finite.max()) if finite.size else 0.0,
        mean=float(finite.mean(dtype=np.float64)) if finite.size else 0.0,
        zeros=values.size - int(np.count_nonzero(values)),
        nans=int(np.count_nonzero(np.isnan(values))),
        infinite=int(np.count_nonzero(np.isinf(values))),
        first=tuple(float(value) for value in values[:FIRST]),
    )
