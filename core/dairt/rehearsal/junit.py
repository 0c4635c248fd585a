"""JUnit XML, as build servers read it: one testcase a seed."""

import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

from dairt.errors import UsageError
from dairt.rehearsal.outcomes import CRASHED, Outcome

# What XML 1.0 has no way to write, such as a NUL in somebody's reason.
UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(story: str, world: str, outcomes: Iterable[Outcome]) -> str:
    """The document: what is not held is a failure, or an error when a bug ended it."""
    tests = sorted(outcomes, key=lambda outcome: outcome.seed)
    errors = sum(case.verdict == CRASHED for case in tests)
    failures = sum(case.verdict not in ("held", CRASHED) for case in tests)
    counts = {"tests": str(len(tests)), "failures": str(failures), "errors": str(errors)}
    seconds = f"{sum(case.wall_s for case in tests):.3f}"
    suite = ET.Element("testsuite", {"name": _text(f"dairt.{story}"), **counts, "time": seconds})
    for case in tests:
        attributes = {"classname": _text(f"dairt.{story}.{world}"), "name": f"seed {case.seed}", "time": f"{case.wall_s:.3f}"}
        element = ET.SubElement(suite, "testcase", attributes)
        if case.verdict != "held":
            kind = "error" if case.verdict == CRASHED else "failure"
            said = {"type": case.verdict, "message": _text(_last_line(case.reason) or case.verdict)}
            ET.SubElement(element, kind, said).text = _text(f"{case.reason}\nagain: {case.replay}")
    suites = ET.Element("testsuites", {**counts, "time": seconds})
    suites.append(suite)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=False) + "\n"


def write_junit(path: Path, story: str, world: str, outcomes: Iterable[Outcome]) -> None:
    """Write the document. Raises UsageError if that cannot be."""
    try:
        path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{junit(story, world, outcomes)}', encoding="utf-8")
    except OSError as exc:
        raise UsageError(f"--junit {path}: cannot write this file: {exc.strerror}") from exc


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def _text(text: str) -> str:
    return UNWRITABLE.sub("�", text)
