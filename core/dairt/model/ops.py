"""The op table: kernel, shape rule, cost rule; one register line each."""

import msgspec

Attribute = bool | int | float | str | tuple[int | float, ...]


class Kernel(msgspec.Struct, frozen=True):
    """What an op computes, as it travels: a name of the op table with its attributes, or one ONNX node's bytes."""

    op: str
    schema: int = 1
    attributes: tuple[tuple[str, Attribute], ...] = ()
    onnx: bytes = b""
