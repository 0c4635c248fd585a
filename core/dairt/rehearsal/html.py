"""report.html: a run on one page that needs nothing else: what came of it, its timeline, its promises, what happened."""

from collections.abc import Sequence
from html import escape

from dairt.model.events import Entry, event_name
from dairt.model.scenario import Scenario
from dairt.rehearsal.report import GLYPHS, Report
from dairt.rehearsal.timeline_svg import timeline

SHOWN_MAX = 2000  # events in the list: a page that a browser opens at once; events.jsonl has them all
STYLE = """
:root { color-scheme: light dark; --paper: #fbfbfa; --ink: #1c2126; --soft: #68727d; --line: #d9dde1; --lane: #eceff1;
  --good: #2b8a4b; --warn: #b7791f; --bad: #c6353b; --work: #2f6fb3; --run: #7a4fb5; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181c; --ink: #e4e8eb; --soft: #93a0ac; --line: #2e363d;
  --lane: #20272d; --good: #55c17c; --warn: #e0a94a; --bad: #f0666b; --work: #66a8ec; --run: #b48df0; } }
body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem;
  padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; } p { margin: .3rem 0; }
code, td.time, svg text { font-family: ui-monospace, monospace; font-size: .85rem; } .soft { color: var(--soft); }
.held, .holds, .good { color: var(--good); } .violated, .broken, .bad { color: var(--bad); }
.inconclusive, .stopped, .pending, .warn { color: var(--warn); } .scroll { overflow: auto; max-height: 36rem; }
table { border-collapse: collapse; width: 100%; } td, th { border-bottom: 1px solid var(--line); padding: .2rem .8rem .2rem 0;
  text-align: left; vertical-align: top; overflow-wrap: anywhere; } td.time { text-align: right; white-space: nowrap; }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 11px; }
svg .soft { fill: var(--soft); } svg .grid { stroke: var(--line); } svg .lane { fill: var(--lane); }
svg .up { fill: var(--good); opacity: .55; } svg .fault { fill: var(--bad); } svg .hit { fill: var(--bad); opacity: .22; }
svg .broadcast { fill: var(--work); } svg .run { fill: var(--run); } svg .promise { fill: var(--ink); }
"""


def page(report: Report, scenario: Scenario, entries: Sequence[Entry], unkept: int = 0) -> str:
    """The page of a run: `entries` are what happened, of which `unkept` more came later."""
    title = f"{report.scenario}: {report.verdict}"
    lines = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        *_heading(report, scenario),
        "<h2>Timeline</h2>",
        *([f'<p class="soft">Without the last {unkept} events: it was too long.</p>'] if unkept else []),
        timeline(scenario.nodes, entries, report.seconds),
        *_promises(report),
        *_events([entry for entry in entries if not entry.event.detail], unkept),
        "</body></html>",
    ]
    return "\n".join(lines) + "\n"


def _heading(report: Report, scenario: Scenario) -> list[str]:
    reason = f": {escape(report.reason)}" if report.reason else ""
    how = f"world {report.world}, seed {report.seed}, {report.seconds:.2f} s in {report.wall_s:.2f} s, {report.events} events"
    return [
        f"<h1>{escape(report.scenario)}</h1>",
        f"<p>{escape(scenario.summary)}</p>" if scenario.summary else "",
        f'<p><strong class="{report.verdict}">{report.verdict}</strong>{reason}</p>',
        f'<p class="soft">{escape(how)}</p>',
        f'<p class="soft">again: <code>{escape(report.replay)}</code></p>',
        f'<p class="soft">digest <code>{report.digest}</code></p>' if report.digest else "",
    ]


def _promises(report: Report) -> list[str]:
    rows = [
        f'<tr><td class="{p.state}">{GLYPHS[p.state]} {p.state}</td><td>{escape(p.promise)}</td>'
        f"<td>{escape(p.reason)}</td></tr>"
        for p in report.promises
    ]
    return ["<h2>Promises</h2>", "<table>", *rows, "</table>"] if rows else []


def _events(entries: Sequence[Entry], unkept: int) -> list[str]:
    shown = entries[:SHOWN_MAX]
    rows = [
        f'<tr><td class="time">{e.time_s:.3f}</td><td>{escape(e.node)}</td>'
        f'<td class="{e.event.level}" title="{event_name(e.event)}">{escape(e.event.line)}</td></tr>'
        for e in shown
    ]
    total = f"{len(entries)}{' and more' if unkept else ''}"
    head = f'<h2>What happened <span class="soft">{len(shown)} of {total} events shown, without details</span></h2>'
    return [head, '<div class="scroll"><table>', *rows, "</table></div>"]
