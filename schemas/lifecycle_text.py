"""The lifecycle tables as Markdown, for docs/lifecycle.md; a test compares the two."""

from schemas.lifecycle import ASSIGNMENT, REVIEW, TICKET, Action
from schemas.ticket import State

BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"


def lifecycle_markdown() -> str:
    """The picture, then the three tables, in the order of their rows."""
    return "\n".join([*_picture(), "", *_ticket(), "", *_assignment(), "", *_review()])


def _picture() -> list[str]:
    arrows = {
        (source, target)
        for (source, _), row in TICKET.items()
        for target in row.targets
        if source is not target
    }
    names = [None, *State]
    lines = ["```mermaid", "stateDiagram-v2"]
    for source, target in sorted(arrows, key=lambda a: (names.index(a[0]), names.index(a[1]))):
        actions = [a for (s, a), row in TICKET.items() if s is source and target in row.targets]
        lines.append(f"    {source or '[*]'} --> {target}: {', '.join(actions)}")
    return [*lines, "```"]


def _ticket() -> list[str]:
    lines = ["## Ticket", "", "| action | roles | from | to |", "|---|---|---|---|"]
    for action in Action:
        rows = [(source, row) for (source, a), row in TICKET.items() if a is action]
        sources = ", ".join(source or "new" for source, _ in rows)
        row = rows[0][1]
        targets = ", ".join(s for s in State if s in row.targets) or "stays"
        lines.append(f"| {action} | {', '.join(sorted(row.roles))} | {sources} | {targets} |")
    return lines


def _assignment() -> list[str]:
    lines = ["## Assignment", "", "| from | action | to |", "|---|---|---|"]
    for (source, action), targets in ASSIGNMENT.items():
        lines.append(f"| {source} | {action} | {', '.join(sorted(targets))} |")
    return lines


def _review() -> list[str]:
    lines = ["## Review", "", "| review | action | becomes |", "|---|---|---|"]
    for (kind, action), targets in REVIEW.items():
        lines.append(f"| {kind} | {action} | {', '.join(sorted(targets))} |")
    return lines
