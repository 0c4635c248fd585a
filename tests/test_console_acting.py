"""Acting from the console: what is asked first, what is undone, what is copied, and what is refused."""

from console_samples import snapshot
from console_watch import Console, watch
from dairt.control.frames import Latest
from dairt.model.action import CutLink, Heal, KillNode, Link
from dairt.model.views import FaultView


def test_vim_keys_move_and_kill_nothing() -> None:
    async def script(console: Console) -> None:
        await console.press("j", "j", "k")
        assert console.front.chosen().node == "n1"
        await console.press("G")
        assert console.front.chosen().node == "n2"
        await console.press("g", "h", "l")
        assert console.front.chosen().node == "n0"
        assert console.sent == []

    watch(script)


def test_a_dry_run_says_what_would_happen_and_does_nothing() -> None:
    async def script(console: Console) -> None:
        await console.press("K", "D")
        assert "Nothing was done." in console.text
        assert "It would kill n0." in console.text
        await console.press("escape")
        assert console.sent == []
        await console.write("dry-run node.power_cut n0")
        assert "world tcp cannot" in console.text
        await console.press("escape")
        assert console.sent == []

    watch(script)


def test_the_equal_command_and_scenario_line_stand_in_the_question_and_can_be_copied() -> None:
    async def script(console: Console) -> None:
        await console.press("down", "K")
        assert ":node.kill n1" in console.text
        assert 'do = "node.kill", at = "12.30s", node = "n1"' in console.text
        await console.press("y")
        assert console.app.clipboard == 'do = "node.kill", at = "12.30s", node = "n1"'
        await console.press("enter")
        assert console.sent == [KillNode("n1")]

    watch(script)


def test_undo_heals_the_last_of_ones_own_faults_and_nobody_elses() -> None:
    async def script(console: Console) -> None:
        await console.press("u")
        assert "nothing that was done here" in console.status
        for number, link in enumerate(("n1", "n2"), 1):
            await console.write(f"cut n0 {link}")
            await console.feed([console.recorder.answer("taken", at_s=12.4, fault=f"op-{number}")])
        faults = tuple(FaultView(name, "link.cut", f"cut {name}", "active") for name in ("story", "op-1", "op-2", "other"))
        await console.feed([Latest(snapshot(12.6, faults=faults))])
        await console.press("u")
        assert console.sent[-1] == Heal("op-2")
        await console.feed([Latest(snapshot(12.8, faults=faults[:2]))])
        await console.press("u")
        assert console.sent[-1] == Heal("op-1")

    watch(script)


def test_a_console_that_only_looks_does_nothing_until_it_is_let() -> None:
    async def script(console: Console) -> None:
        await console.press("R", "b")
        assert "look only" in console.text.split("\n")[0]
        assert "R lets it act" in console.status
        await console.write("node.kill n0")
        await console.press("u", "H")
        assert console.sent == []
        await console.press("R", "H")
        assert console.sent == [Heal()]

    watch(script)


def test_what_is_chosen_is_copied() -> None:
    async def script(console: Console) -> None:
        await console.press("down", "y")
        assert console.app.clipboard == "n1"
        await console.press("5", "y")
        assert console.app.clipboard.startswith("gradients\n")

    watch(script)


def test_a_theme_is_taken_by_name_and_by_key() -> None:
    async def script(console: Console) -> None:
        await console.write("theme nord")
        assert console.app.theme == "nord"
        await console.press("T")
        assert console.app.theme != "nord"

    watch(script)


def test_a_question_is_answered_with_the_mouse_too() -> None:
    async def click(console: Console, answer: str) -> None:
        lines = console.text.split("\n")
        y = next(y for y, line in enumerate(lines) if "esc leave" in line)
        await console.pilot.click(offset=(lines[y].index(answer), y))
        await console.pilot.pause()

    async def script(console: Console) -> None:
        await console.press("K")
        await click(console, "D dry run")
        assert "Nothing was done." in console.text
        await click(console, "esc leave")
        assert console.sent == []
        await console.press("K")
        await click(console, "do it")
        await console.press("c")
        await click(console, "do it")
        assert console.sent == [KillNode("n0"), CutLink(Link("n0", "n1"))]

    watch(script)
