"""JUnit XML, as build servers read it: one suite a story, one testcase a seed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from dairt.errors import UsageError
from dairt.rehearsal.outcomes import CRASHED, Outcome

# What XML 1.0 has no way to write, such as a NUL in somebody's reason.
UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(world: str, stories: Mapping[str, Iterable[Outcome]]) -> str:
    """The document, of the outcomes of each story by its name: what is not held is a failure, or an error of a bug's."""
    tests = {story: sorted(outcomes, key=lambda outcome: outcome.seed) for story, outcomes in stories.items()}
    suites = ET.Element("testsuites", _counts([case for cases in tests.values() for case in cases]))
    for story, cases in tests.items():
        suites.append(_suite(story, world, cases))
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=False) + "\n"


def _suite(story: str, world: str, cases: Sequence[Outcome]) -> ET.Element:
    suite = ET.Element("testsuite", {"name": _text(f"dairt.{story}"), **_counts(cases)})
    for case in cases:
        attributes = {"classname": _text(f"dairt.{story}.{world}"), "name": f"seed {case.seed}", "time": f"{case.wall_s:.3f}"}
        element = ET.SubElement(suite, "testcase", attributes)
        if case.verdict != "held":
            kind = "error" if case.verdict == CRASHED else "failure"
            said = {"type": case.verdict, "message": _text(_last_line(case.reason) or case.verdict)}
            ET.SubElement(element, kind, said).text = _text(f"{case.reason}\nagain: {case.replay}")
    return suite


def _counts(cases: Sequence[Outcome]) -> dict[str, str]:
    errors = sum(case.verdict == CRASHED for case in cases)
    failures = sum(case.verdict not in ("held", CRASHED) for case in cases)
    seconds = sum(case.wall_s for case in cases)
    return {"tests": str(len(cases)), "failures": str(failures), "errors": str(errors), "time": f"{seconds:.3f}"}


def write_junit(path: Path, world: str, stories: Mapping[str, Iterable[Outcome]]) -> None:
    """Write the document. Raises UsageError if that cannot be."""
    try:
        path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{junit(world, stories)}', encoding="utf-8")
    except OSError as exc:
        raise UsageError(f"--junit {path}: cannot write this file: {exc.strerror}") from exc


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def _text(text: str) -> str:
    return UNWRITABLE.sub("�", text)
