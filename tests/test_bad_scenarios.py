"""Kinds of bad scenario file: each is one sentence that names file and line, says what would be right, and exits with 2."""

from pathlib import Path

import pytest

from dairt.__main__ import run

GOOD = """schema = "dairt.scenario/1"
name = "bad"
[time]
trouble_until = "10s"
settle = "5s"
[cluster]
nodes = { prefix = "n", count = 3 }
zones = { a = ["n0"], b = ["n1", "n2"] }
"""
KILL = '[[fault]]\nid = "f"\nkind = "node.kill"\n'
CUT = '[[fault]]\nid = "f"\nkind = "link.cut"\nat = "1s"\n'
WORK = '[[work]]\nid = "w"\nkind = "put"\ntensor = { shape = [4] }\n'

# (what kind of mistake, the file, the line it is in, what would be right)
BAD = [
    ("not TOML", "name = 'x'\nschema = oops\n", 2, "this is not TOML: Invalid value"),
    ("another format", 'schema = "dairt.scenario/9"\n', 1, "must be 'dairt.scenario/1'"),
    ("no cluster", 'schema = "dairt.scenario/1"\nname = "x"\n', 0, "needs a [cluster] with nodes"),
    ("a missing key", GOOD.replace('settle = "5s"\n', ""), 3, "[time] needs 'settle'"),
    ("an unknown section", f"{GOOD}[netwrok.default]\n", 9, "did you mean 'network'?"),
    ("an unknown key", f'{GOOD}{KILL}node = "n0"\nat = "1s"\nfr = "1s"\n', 14, "has no key 'fr'; did you mean 'for'?"),
    ("an unknown kind of fault", f"{GOOD}{KILL.replace('node.kill', 'node.kil')}", 11, "did you mean 'node.kill'?"),
    ("an unknown kind of work", f"{GOOD}{WORK.replace('put', 'brodcast')}", 11, "did you mean 'broadcast'?"),
    ("an unknown node", f'{GOOD}{KILL}node = "n7"\nat = "1s"\n', 12, "cannot be 'n7'; there is 'n0', 'n1', 'n2'"),
    ("an unknown zone", f'{GOOD}{KILL}node = "zone:c"\nat = "1s"\n', 12, "cannot have 'zone:c'; did you mean 'zone:"),
    ("an unknown event", f'{GOOD}{KILL}on = {{ event = "chunk_snd" }}\n', 12, "did you mean 'chunk_sent'?"),
    (
        "an unknown field",
        f'{GOOD}{KILL}on = {{ event = "chunk_sent", where = {{ per = "n1" }} }}\n',
        12,
        "did you mean 'peer'?",
    ),
    ("an unknown gauge", f'{GOOD}{KILL}node = "n0"\nwhen = "nodes.upp < 3"\n', 13, "did you mean 'nodes.up'?"),
    ("a condition without sense", f'{GOOD}{KILL}node = "n0"\nwhen = "time >"\n', 13, "'time >' ends too early"),
    ("a time without its unit", f'{GOOD}{KILL}node = "n0"\nat = 3\n', 13, 'a time with its unit, such as "250ms"'),
    ("a size without its unit", f"{GOOD}[network.default]\nmtu = 1500\n", 10, 'a size with its unit, such as "64KiB"'),
    (
        "more than certain loss",
        f"{GOOD}[network.default]\ndatagram_loss = 2\n",
        10,
        "must be a probability, from 0 to 1, not 2",
    ),
    (
        "bounds the wrong way round",
        f'{GOOD}{CUT}link = ["n0", "n1"]\nfor = {{ between = ["3s", "1s"] }}\n',
        14,
        "the shorter time",
    ),
    ("no time", f'{GOOD}{KILL}node = "n0"\n', 9, "needs just one of at, every, on, when and follows, not none"),
    ("two times", f'{GOOD}{KILL}node = "n0"\nat = "1s"\nwhen = "time > 1"\n', 9, "not at and when"),
    ("trouble after its end", f'{GOOD}{KILL}node = "n0"\nat = "11s"\n', 13, "must be before trouble_until, 10 s"),
    (
        "again and again for ever",
        f'{GOOD}{KILL}node = "n0"\nevery = {{ mean = "1s", max_times = 3 }}\n',
        9,
        "so it needs a for",
    ),
    ("a fault after none", f'{GOOD}{KILL}node = "n0"\nfollows = "g"\n', 9, "follows cannot be 'g'; there is 'f'"),
    ("a fault after itself", f'{GOOD}{KILL}node = "n0"\nfollows = "f"\n', 9, "comes after itself"),
    ("one link end", f'{GOOD}{CUT}link = ["n0"]\n', 13, "must be two nodes, not ['n0']"),
    ("a link with itself", f'{GOOD}{CUT}link = ["n1", "zone:b"]\n', 9, "must link two different nodes, not 'n1' with itself"),
    ("the node of no event", f'{GOOD}{KILL}node = "event"\nat = "1s"\n', 9, "so it needs an on"),
    ("an odd pick", f'{GOOD}{KILL}node = {{ pick = "two" }}\nat = "1s"\n', 12, "there is 'one', 'minority', 'majority'"),
    ("an odd exception", f'{GOOD}{KILL}node = {{ pick = "one", not_in = ["dead"] }}\nat = "1s"\n', 12, "'down', 'paused'"),
    ("the same id twice", f"{GOOD}{WORK}{WORK}", 13, "is taken already, at bad.toml:9"),
    ("an unknown promise", f'{GOOD}[[expect]]\nalways = "versions_only_rises"\n', 9, "did you mean 'versions_only_rise'?"),
    ("a state that should hold always", f'{GOOD}[[expect]]\nalways = "every_node_returns"\n', 9, "write eventually or finally"),
    ("no time to come true", f'{GOOD}[[expect]]\neventually = "every_node_returns"\n', 9, "needs 'within'"),
    (
        "an unknown metric",
        f'{GOOD}[[expect]]\nmetric = "detect_secs"\np99 = {{ max = 3 }}\n',
        9,
        "did you mean 'detect_seconds'?",
    ),
    ("a metric without bounds", f'{GOOD}[[expect]]\nmetric = "detect_seconds"\n', 9, "needs a bound, such as p99"),
    (
        "a bound without its unit",
        f'{GOOD}[[expect]]\nmetric = "detect_seconds"\np99 = {{ max = 3 }}\n',
        11,
        "a time with its unit",
    ),
    ("what never happens", f'{GOOD}[[expect]]\nsometimes = "chunk_snt"\n', 9, "did you mean 'chunk_sent'?"),
    ("seeds that are none", f'seeds = {{ ci = "24..0" }}\n{GOOD}', 1, "such as \"0..24\", not '24..0'"),
    ("a node in two zones", GOOD.replace('"n1", "n2"', '"n0"'), 8, "which is in the zone 'a' already"),
    ("a reserved name", GOOD.replace('{ prefix = "n", count = 3 }', '["minority"]'), 7, "cannot have 'minority'"),
    ("a network of nothing", f'{GOOD}[[network.link]]\nfrom = "n0"\nbandwidth = "0B/s"\n', 11, "must be more than nothing"),
    (
        "death before suspicion",
        GOOD.replace("\nzones", '\nconfig = { suspect_after = "3s", dead_after = "2s" }\nzones'),
        8,
        "dead_after must be at least suspect_after, 3 s",
    ),
    (
        "suspicion after what is death by default",
        GOOD.replace("\nzones", '\nconfig = { suspect_after = "30s" }\nzones'),
        8,
        "dead_after must be at least suspect_after, 30 s",
    ),
    (
        "a ping every no time",
        GOOD.replace("\nzones", '\nconfig = { probe_every = "0s" }\nzones'),
        8,
        "probe_every must be more than 0, and finite",
    ),
    (
        "a payload that never fits",
        GOOD.replace("\nzones", '\nconfig = { limits = { payload_max = "8GiB" } }\nzones'),
        8,
        "limits.payload_max must be at most limits.bodies_max",
    ),
    ("code without a name", f'{GOOD}[[work]]\nid = "w"\nkind = "python"\ncall = "run()"\n', 12, 'such as "mywork:train"'),
]


@pytest.mark.parametrize(("text", "line", "right"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_file_is_one_sentence_with_file_line_and_suggestion(
    text: str, line: int, right: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.toml").write_text(text, encoding="utf-8")
    assert run(["check", "bad.toml"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"dairt: bad.toml:{line}: " if line else "dairt: bad.toml: "), err
    assert right in err


def test_there_are_twenty_kinds_and_more_of_bad_file() -> None:
    assert len({kind for kind, *_ in BAD}) == len(BAD) >= 20


def test_the_file_without_a_mistake_is_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.toml").write_text(GOOD + WORK + KILL + 'node = "zone:b"\nat = { between = ["1s", "10s"] }\n', encoding="utf-8")
    assert run(["check", "bad.toml"]) == 0
    assert "kill n1+n2 until healed, at 1 to 10 s" in capsys.readouterr().out
