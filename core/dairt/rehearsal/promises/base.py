"""What a promise is: a fold over the events of a run, and a judgement of the world as it stands."""

from typing import ClassVar, Protocol

from dairt.model.address import Address
from dairt.model.config import Limits, NodeConfig
from dairt.model.events import Entry
from dairt.model.scenario import Scenario
from dairt.model.version import Version
from dairt.model.views import CheckpointView, NodeView, Snapshot
from dairt.rehearsal.promises.evidence import Evidence
from dairt.rehearsal.promises.trouble import ActionOf


class Promise(Protocol):
    """One promise. `is_state` says that it is about how the world stands, so that it can only hold in the end.

    `needs` is what it is judged by besides events and views, which not every world can show.
    """

    is_state: ClassVar[bool] = False
    needs: ClassVar[tuple[Evidence, ...]] = ()

    def told(self, scenario: Scenario, action_of: ActionOf) -> None:
        """Hear of the story before its first event. One that is told nothing counts on nodes as they usually are."""
        return

    def see(self, entry: Entry) -> str:
        """The reason why this event breaks the promise, or ""."""
        return ""

    def judge(self, last: Snapshot) -> str:
        """The reason why the promise does not hold of the world as it is now, or ""."""
        return ""

    def note(self) -> str:
        """What is to be said of a promise that is not broken, such as what it excuses by name; or ""."""
        return ""


def usual(scenario: Scenario | None = None) -> NodeConfig:
    """The patience and the bounds of the nodes of a story, or of those of no story in particular."""
    chosen = {"limits": Limits(), **(scenario.config if scenario is not None else {})}
    return NodeConfig(name="", address=Address("", 0), members={}, **chosen)


def rise(versions: dict[str, Version], key: str, version: Version) -> None:
    """Note a version of a key, unless a newer one is noted already."""
    if key not in versions or versions[key] < version:
        versions[key] = version


def held_by(node: NodeView, key: str) -> CheckpointView | None:
    """What a node holds of a key."""
    return next((held for held in node.checkpoints if held.key == key), None)
