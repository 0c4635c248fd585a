"""The pytest plugin: stories are tests of other people's suites, and their own tests get a cluster."""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import pytest_trio.plugin  # type: ignore[import-untyped]

import dairt.rehearsal.plugin
from dairt.errors import UsageError
from dairt.rehearsal.local import open_local_cluster
from telling import HEAD

pytest_plugins = ["pytester"]
NEVER = HEAD + '[[fault]]\nid = "f"\non = { event = "run_begun" }\nkind = "node.kill"\nnode = "a"\n'
ENDLESS = HEAD.partition("[time]")[0] + '[[fault]]\nid = "f"\nat = "1s"\nkind = "link.cut"\nlink = ["a", "b"]\n'
Pytest = Callable[..., pytest.RunResult]


@pytest.fixture
def run_pytest(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Pytest:
    """Run pytest in this process, with no plugins but pytest-trio and this one, whether or not it is installed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeini("[pytest]\ntrio_mode = true")
    plugins = (pytest_trio.plugin, dairt.rehearsal.plugin)
    fixed = ("-p", "no:cacheprovider", "-W", "error")
    return lambda *options: pytester.runpytest_inprocess(*fixed, *options, plugins=list(plugins))


def test_a_story_is_one_test_a_seed(run_pytest: Pytest, pytester: pytest.Pytester) -> None:
    (pytester.path / "calm.toml").write_text(HEAD)
    done = run_pytest("-v", "--dairt-seeds", "3..5")
    done.assert_outcomes(passed=3)
    done.stdout.fnmatch_lines(["calm.toml::short[[]3[]] PASSED*", "calm.toml::short[[]4[]] PASSED*"])


def test_without_the_option_the_seeds_are_the_storys_own_or_0(run_pytest: Pytest, pytester: pytest.Pytester) -> None:
    (pytester.path / "own.toml").write_text(HEAD.replace("[cluster]", 'seeds = { ci = "0..1", nightly = "0..99" }\n[cluster]'))
    (pytester.path / "none.toml").write_text(HEAD)
    done = run_pytest("--collect-only", "-q")
    assert [line for line in done.outlines if "::" in line] == [
        "none.toml::short[0]",
        "own.toml::short[0]",
        "own.toml::short[1]",
    ]


def test_a_story_that_fails_shows_its_report_and_the_line_that_replays_it(
    run_pytest: Pytest, pytester: pytest.Pytester
) -> None:
    (pytester.path / "never.toml").write_text(NEVER)
    done = run_pytest("--dairt-seeds", "7")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["inconclusive: never fired: f", "again: dairt play never.toml --world sim --seed 7"])
    done.stdout.no_fnmatch_line("*Traceback*")


def test_a_bug_shows_its_traceback_and_the_line_that_replays_it(
    run_pytest: Pytest, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planted(*args: object, **options: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("dairt.rehearsal.play.play", planted)
    (pytester.path / "calm.toml").write_text(HEAD)
    done = run_pytest()
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*ZeroDivisionError: planted", "again: dairt play calm.toml --world sim --seed 0"])


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        (HEAD + "[clutser]\n", (), "bad.toml*clutser*"),
        (HEAD, ("--dairt-seeds", "many"), "--dairt-seeds cannot be 'many': give a range such as 0..24"),
        (HEAD + '[[expect]]\nalways = "mine:Promise"\n', (), "bad.toml*mine:Promise; give --allow-python if you trust it"),
    ],
)
def test_what_is_wrong_is_one_sentence_when_collected(
    run_pytest: Pytest, pytester: pytest.Pytester, text: str, options: tuple[str, ...], sentence: str
) -> None:
    (pytester.path / "bad.toml").write_text(text)
    done = run_pytest(*options)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([sentence])
    done.stdout.no_fnmatch_line("*Traceback*")


def test_a_story_that_cannot_be_played_here_is_skipped_with_the_reason(run_pytest: Pytest, pytester: pytest.Pytester) -> None:
    (pytester.path / "endless.toml").write_text(ENDLESS)
    (pytester.path / "sim_only.toml").write_text(HEAD.replace("[cluster]", 'worlds = ["sim"]\n[cluster]'))
    done = run_pytest("-rs", "--dairt-world", "tcp")
    done.assert_outcomes(skipped=2)
    done.stdout.fnmatch_lines(["*short has no end", "*short is for sim, not for tcp"], consecutive=False)


def test_other_toml_files_are_left_alone(run_pytest: Pytest, pytester: pytest.Pytester) -> None:
    (pytester.path / "pyproject.toml").write_text('[tool.x]\nschema = "dairt.scenario/1"\n')
    (pytester.path / "other.toml").write_text('schema = "somebody.else/1"\n')
    (pytester.path / "binary.toml").write_bytes(bytes(range(256)))
    assert run_pytest().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_story_is_known_after_a_long_comment(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("# a comment\n" * 100 + "\n'schema'   =  'dairt.scenario/1'\n")
    assert dairt.rehearsal.plugin.is_story(path)
    assert not dairt.rehearsal.plugin.is_story(tmp_path / "missing.toml")


def test_whoever_installs_dairt_has_the_plugin() -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"dairt": dairt.rehearsal.plugin.__name__}


def test_the_plugin_imports_nothing_heavy() -> None:
    script = (
        "import sys, dairt.rehearsal.plugin; print([m for m in ('numpy', 'trio', 'msgspec', 'cyclopts') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_test_of_other_people_gets_a_cluster(run_pytest: Pytest, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import numpy as np
        import pytest

        async def test_three(dairt_cluster):
            receipt = await dairt_cluster.broadcast("w", np.arange(4))
            assert len(receipt.durable) == 3

        @pytest.mark.dairt_cluster(nodes=2)
        async def test_two(dairt_cluster):
            assert dairt_cluster.up() == ("n0", "n1")
        """
    )
    run_pytest("--strict-markers").assert_outcomes(passed=2)


async def test_a_local_cluster_is_not_simulated() -> None:
    with pytest.raises(UsageError, match="cannot be in the world 'sim'; give tcp or proc"):
        async with open_local_cluster(world="sim"):
            pass
