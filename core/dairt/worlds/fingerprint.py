"""What a machine's numerics depend on, as a short text: nodes share a graph run only when theirs are the same."""

import hashlib
import importlib.metadata
import json
import platform

from numpy.lib import introspect

_LIBRARIES = ("numpy", "onnxruntime")


def fingerprint() -> str:
    """12 hex digits over library versions, the processor's kind, and the vector instructions numpy chose for its kernels."""
    parts = [f"{name} {_version(name)}" for name in _LIBRARIES]
    parts += [platform.machine(), json.dumps(introspect.opt_func_info(), sort_keys=True)]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=6).hexdigest()


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
