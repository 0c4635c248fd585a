"""What goes from node to node: compared over about a second, and only within one life of the node that counts."""

import msgspec

from console_samples import snapshot
from dairt.model.views import NodeView, PeerView
from dairt_console.flows import EVERY_S, KEPT, Counted, follow_counts, sent_by

MIB = 2**20


def sender(at_s: float, *, incarnation: int = 1, state: str = "up") -> NodeView:
    """n0, which has sent n1 one MiB a second and heard two."""
    peer = PeerView("n1", "alive", 1, int(at_s * MIB), int(at_s * 2 * MIB), 0.0)
    return NodeView("n0", "n0:1", state, incarnation=incarnation, peers=(peer,))  # type: ignore[arg-type]


def counted(*times_s: float) -> tuple[Counted, ...]:
    """What is kept after looks at these times."""
    kept: tuple[Counted, ...] = ()
    for at_s in times_s:
        kept = follow_counts(kept, snapshot(at_s, nodes=(sender(at_s),)))
    return kept


def test_a_rate_is_what_was_counted_since_about_a_second_ago() -> None:
    kept = counted(*(at / 10 for at in range(50)))
    assert sent_by(kept, sender(5.0), 5.0) == {"n1": (MIB, 2 * MIB)}
    assert 2 * EVERY_S <= 5.0 - kept[0].time_s <= 3 * EVERY_S + 0.1


def test_no_more_is_kept_however_often_one_looks() -> None:
    assert len(counted(*(at / 100 for at in range(900)))) == KEPT


def test_another_life_of_the_node_has_no_rate_before_it_has_counted_twice() -> None:
    kept = counted(1.0, 1.5, 2.0)
    assert sent_by(kept, sender(2.5, incarnation=2), 2.5) == {}
    assert sent_by(kept, sender(2.5, state="down"), 2.5) == {}
    assert sent_by((), sender(2.5), 2.5) == {}


def test_a_peer_that_was_not_there_before_is_left_out() -> None:
    node = sender(2.0)
    newcomer = PeerView("n2", "alive", 1, 100, 100, 0.0)
    both = msgspec.structs.replace(node, peers=(*node.peers, newcomer))
    assert list(sent_by(counted(1.0), both, 2.0)) == ["n1"]


def test_an_earlier_moment_forgets_what_came_after_it() -> None:
    kept = follow_counts(counted(8.0, 9.0), snapshot(2.0, nodes=(sender(2.0),)))
    assert [each.time_s for each in kept] == [2.0]
    assert sent_by(kept, sender(2.0), 2.0) == {}  # no time, no rate
