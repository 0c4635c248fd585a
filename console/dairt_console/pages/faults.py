"""The page Faults."""

from typing import ClassVar

from dairt_console.pages.page import Page


class Faults(Page):
    """Steps of the scenario, faults and promises."""

    NAME: ClassVar[str] = "faults"
    TITLE: ClassVar[str] = "Faults"
