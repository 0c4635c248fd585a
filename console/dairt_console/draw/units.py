"""Numbers as people read them: sizes, rates, ages, clocks."""

import math

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def size(nbytes: float) -> str:
    """Three figures and a unit: 512 B, 64.0 KiB, 4.00 MiB, 128 MiB."""
    if nbytes < 1000:
        return f"{nbytes:.0f} B"
    for unit in UNITS[1:]:
        nbytes /= 1024
        if nbytes < 999.5 or unit == UNITS[-1]:
            break
    digits = 2 if nbytes < 9.995 else 1 if nbytes < 99.95 else 0
    return f"{nbytes:.{digits}f} {unit}"


def rate(nbytes_s: float) -> str:
    """A size a second; `-` for nothing at all, which reads calmer than a column of zeros."""
    return f"{size(nbytes_s)}/s" if nbytes_s >= 0.5 else "-"


def clock(seconds: float, digits: int = 1) -> str:
    """Time since the start: 0:07.3, 12:41.3, 1:02:03.4; cut, not rounded, so that a second never shows early."""
    scale = 10**digits
    ticks = math.floor(seconds * scale + 1e-6)
    minutes, rest = divmod(ticks, 60 * scale)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // scale:02d}" + (f".{rest % scale:0{digits}d}" if digits else "")
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def age(seconds: float) -> str:
    """How long ago, in the one unit that tells: 8 s, 3 m, 2 h, 4 d; cut, so that what shows it seldom changes."""
    whole = int(max(seconds, 0.0))  # below zero when a skewed wall clock wrote it in the future
    for unit, length, most in (("s", 1, 60), ("m", 60, 60), ("h", 3600, 48)):
        if whole < length * most:
            return f"{whole // length} {unit}"
    return f"{whole // 86400} d"


def duration(seconds: float) -> str:
    """How long something took: 85 ms, 1.24 s, 200 s."""
    if seconds < 0.9995:
        return f"{seconds * 1e3:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 99.995 else f"{seconds:.0f} s"


def speed(value: float) -> str:
    """Virtual seconds a real second: ×1, ×0.5, paused, ×max."""
    if value == 0:
        return "paused"
    return "×max" if math.isinf(value) else f"×{value:g}"


def count(number: int) -> str:
    """A whole number with its thousands marked."""
    return f"{number:,}"


def plural(number: int, noun: str) -> str:
    """How many of what: 1 socket, 2 sockets."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
