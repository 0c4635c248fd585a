"""What was asked of the cluster from here, and what became of it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from dairt.control.frames import Act, Answer
from dairt.model.action import Action
from dairt_console.draw.deed import Deed
from dairt_console.draw.spans import Tone


class Asking:
    """Numbers questions, remembers those not answered yet, the deed that was asked for last, and the faults that came of it."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._asked: dict[int, str] = {}  # what each unanswered question was
        self._broken: dict[int, bool] = {}  # whether it is a fault of one's own that lasts
        self._deed_number = 0
        self.deed: Deed | None = None  # what the status line tells of
        self._own: list[str] = []

    @property
    def own(self) -> Sequence[str]:
        """The ids of faults that were asked for here and last, oldest first."""
        return self._own

    def number(self, what: str) -> int:
        """The id of a new question."""
        number = next(self._numbers)
        self._asked[number] = what
        return number

    def act(self, action: Action, now_s: float) -> Act:
        """The question that asks for an action."""
        self._deed_number = self.number(str(action))
        self._broken[self._deed_number] = action.lasts
        self.deed = Deed(action, now_s)
        return Act(self._deed_number, action)

    def forget(self) -> None:
        """Tell of the last deed no more."""
        self.deed = None

    def answered(self, answer: Answer) -> tuple[str, Tone] | None:
        """Take in an answer; what to say of it, or None where the deed says it or nobody here asked."""
        what = self._asked.get(answer.id)
        if what is None:
            return None  # to a question of somebody else who uses this link, such as docs/make_picture.py
        if answer.state == "armed":
            self._note(answer)
            return None
        del self._asked[answer.id]
        broken = self._broken.pop(answer.id, False)
        match answer.state:
            case "taken":
                if broken and answer.fault:
                    self._own.append(answer.fault)
                self._note(answer)
                return None
            case "refused":
                return f"refused: {answer.reason} · {what}", "bad"
            case _:
                return f"done  {what}", "good"

    def _note(self, answer: Answer) -> None:
        if self.deed is None or answer.id != self._deed_number:
            return
        if answer.state == "armed":
            self.deed = replace(self.deed, state="armed")
        else:
            self.deed = replace(self.deed, state="taken", at_s=answer.at_s, fault=answer.fault)
