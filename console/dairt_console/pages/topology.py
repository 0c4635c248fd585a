"""The page Topology."""

from typing import ClassVar

from dairt_console.pages.page import Page


class Topology(Page):
    """Nodes and the links between them."""

    NAME: ClassVar[str] = "topology"
    TITLE: ClassVar[str] = "Topology"
