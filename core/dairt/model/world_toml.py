"""[network] and [disk] of a scenario file: what the simulated world is made of."""

from dairt.model.scenario import DiskModel, Fixed, Latency, LinkModel, LogNormal, NetworkModel, Uniform
from dairt.model.toml_table import Table, suggestion
from dairt.model.who_toml import Cluster

UNSYNCED = ("keep", "lose", "torn")
MTU_MIN = 64  # less than a frame's head is no network


def read_network(section: Table, cluster: Cluster) -> NetworkModel:
    """`[network.default]` for every directed link, and `[[network.link]]` for some."""
    default, usual = section.table("default", {}), NetworkModel()
    latency = _latency(default.table("latency")) if default.has("latency") else usual.latency
    bandwidth, mtu = _bandwidth(default, usual.bandwidth), int(default.size("mtu", usual.mtu))
    loss = default.number("datagram_loss", usual.datagram_loss)
    default.finish()
    if loss > 1:
        raise default.error("datagram_loss", f"must be a probability, from 0 to 1, not {loss}")
    if mtu < MTU_MIN:
        raise default.error("mtu", f"must be at least {MTU_MIN}B")
    links = tuple(_link(entry, cluster) for entry in section.entries("link"))
    section.finish()
    assert bandwidth is not None
    return NetworkModel(latency, bandwidth, mtu, links, loss)


def _link(table: Table, cluster: Cluster) -> LinkModel:
    both = table.has("link")
    if both == (table.has("from") or table.has("to")):
        raise table.error("", 'needs link = ["A", "B"] for both ways, or from and to for one')
    ends = table.texts("link") if both else (table.text("from", "any"), table.text("to", "any"))
    if len(ends) != 2:
        raise table.error("link", f"must be two, not {list(ends)}")
    known = (*cluster.nodes, *(f"zone:{zone}" for zone in cluster.zones), "any")
    for key, end in zip(("link", "link") if both else ("from", "to"), ends, strict=True):
        if end not in known:
            raise table.error(key, f"cannot be {end!r}; {suggestion(end, known)}")
    latency = _latency(table.table("latency")) if table.has("latency") else None
    bandwidth = _bandwidth(table, None)
    table.finish()
    if latency is None and bandwidth is None:
        raise table.error("", "needs a latency or a bandwidth")
    return LinkModel(ends[0], ends[1], not both, latency, bandwidth)


def _bandwidth(table: Table, usual: float | None) -> float | None:
    bandwidth: float | None = table.rate("bandwidth", usual)
    if bandwidth == 0:
        raise table.error("bandwidth", "must be more than nothing; to let nothing through, write a fault of kind link.cut")
    return bandwidth


def _latency(table: Table) -> Latency:
    latency: Latency
    match table.choice("dist", ("fixed", "uniform", "lognormal")):
        case "fixed":
            latency = Fixed(table.seconds("value"))
        case "uniform":
            latency = Uniform(table.seconds("min"), table.seconds("max"))
            if latency.min_s > latency.max_s:
                raise table.error("min", "must not be above max")
        case _:
            latency = LogNormal(table.seconds("p50"), table.seconds("p99"), table.seconds("max"))
            if not 0 < latency.p50_s <= latency.p99_s <= latency.max_s:
                raise table.error("", "must have 0 < p50 ≤ p99 ≤ max")
    table.finish()
    return latency


def read_disk(section: Table) -> DiskModel:
    """`[disk.default]` for every disk."""
    default, usual = section.table("default", {}), DiskModel()
    sync = default.table("fsync", {})
    p50_s, p99_s = sync.seconds("p50", usual.sync_p50_s), sync.seconds("p99", usual.sync_p99_s)
    sync.finish()
    if not 0 < p50_s <= p99_s:
        raise default.error("fsync", "must have 0 < p50 ≤ p99")
    unsynced = default.choice("unsynced_on_crash", UNSYNCED, usual.unsynced)
    default.finish()
    section.finish()
    return DiskModel(p50_s, p99_s, unsynced)  # type: ignore[arg-type]  # one of UNSYNCED
