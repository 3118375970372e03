"""An event as a line of the trace: a short title and what was said, in Chinese."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from console import say
from console.names import Names
from schemas import events as ev
from schemas.sla import STEP_TEXTS, Step
from schemas.ticket import State

Line = tuple[str, str]  # title, details ("" when there are none)


_WHYS = {
    "dispatch": "派发", "redispatch": "改派", "send_back": "退单改派", "final_ruling": "终裁派发",
    "closure": "结案审核改派", "rework": "重办派发",
}  # fmt: skip


def _yes(value: bool, yes: str, no: str) -> str:
    return yes if value else no


def _dispatched(event: ev.TicketDispatched, names: Names) -> Line:
    parts = "、".join(
        f"{names.department(a.department)}（{say.text(a.part)}）" if len(event.assignments) > 1
        else names.department(a.department)
        for a in event.assignments
    )  # fmt: skip
    title = ("智能" if event.by_machine else "") + _WHYS[event.why]
    details = [f"派往 {parts}"]
    if event.sent_back:
        details.append(f"同意 {names.department(event.sent_back)} 退单")
    if event.handle_working_days:
        details.append(f"要求 {event.handle_working_days} 个工作日内办结")
    if event.note:
        details.append(event.note)
    return title, "；".join(details)


def _proposal(event: ev.ProposalMade, names: Names) -> Line:
    proposal = event.proposal
    if not proposal.candidates:
        return "派单建议", proposal.abstained_because or "没有合适的候选部门，转人工派审"
    first = proposal.candidates[0]
    said = f"最高 {names.department(first.department)} {first.probability:.0%}"
    if proposal.dispatch:
        return "派单建议", f"{said}，可自动派发"
    return "派单建议", f"{said}，转人工派审" + (
        f"：{proposal.abstained_because}" if proposal.abstained_because else ""
    )


def _clock(event: ev.WarningFired | ev.CardIssued) -> str:
    """Which step's clock, and when it was due, from the arithmetic that the event keeps."""
    step, due = event.arithmetic.get("step", ""), event.arithmetic.get("due_at", "")
    said = STEP_TEXTS[Step(step)] if step in set(Step) else ""
    when = due[:16].replace("T", " ")
    return "，".join([f"{said}环节"] * bool(said) + [f"到期 {when}"] * bool(when))


def _warned(event: ev.WarningFired, _names: Names) -> Line:
    return _yes(event.level == "over", "超期提醒", "临期预警"), _clock(event)


def _carded(event: ev.CardIssued, names: Names) -> Line:
    whom = f"{names.department(event.department)}；" if event.department else ""
    return say.CARD_COLOURS[event.colour], whom + _clock(event)


def _follow_up(event: ev.FollowUpRecorded | ev.ReworkOrdered) -> str:
    return f"{_yes(event.satisfied, '满意', '不满意')}，{_yes(event.resolved, '已解决', '未解决')}"


def _state_there(peer_state: str) -> str:
    """Connectors give the peer's state in our words; another word is shown as it came."""
    if not peer_state:
        return ""
    ours = next((state for state in State if state == peer_state), None)
    return f"对方状态：{say.STATES[ours] if ours else peer_state}"


def _with(*parts: str) -> str:
    return "；".join(part for part in parts if part)


# event class -> line; the classes are checked for completeness by a test
LINES: Mapping[type[Any], Callable[[Any, Names], Line]] = MappingProxyType(
    {
        ev.DraftSaved: lambda e, n: ("来电待登记", "由话务记录预填，等待座席登记"),
        ev.TicketRegistered: lambda e, n: (
            "登记", f"{say.text(e.source)} · {say.text(e.matter_kind)}",
        ),
        ev.TicketAmended: lambda e, n: ("更正登记", e.reason),
        ev.DraftDiscarded: lambda e, n: ("作废", e.reason),
        ev.TicketAccepted: lambda e, n: ("受理", e.note),
        ev.TicketDeclined: lambda e, n: ("不受理", e.reason),
        ev.DeclineAsked: lambda e, n: ("申请不受理", e.reason),
        ev.DeclineRefused: lambda e, n: ("驳回不受理，予以受理", e.reason),
        ev.MatterSupplemented: lambda e, n: (
            "补充诉求", f"附件 {e.attachments} 个" if e.attachments else "",
        ),
        ev.PeerUpdateNoted: lambda e, n: (
            "来源平台更新",
            _with(_state_there(e.peer_state), "登记内容有变化" if e.head else ""),
        ),
        ev.DirectlyAnswered: lambda e, n: ("直接答复", e.text),
        ev.ProposalMade: _proposal,
        ev.TicketDispatched: _dispatched,
        ev.ReturnedToIntake: lambda e, n: ("退回受理", e.reason),
        ev.DepartmentAcknowledged: lambda e, n: (f"{n.department(e.department)} 签收", ""),
        ev.FeedbackGiven: lambda e, n: (f"{n.department(e.department)} 阶段反馈", e.text),
        ev.MediationRecorded: lambda e, n: (
            f"{n.department(e.department)} 调解{_yes(e.agreed, '达成一致', '未达成一致')}", e.text,
        ),
        ev.DepartmentCompleted: lambda e, n: (f"{n.department(e.department)} 办结", e.result),
        ev.SendBackAsked: lambda e, n: (
            f"{n.department(e.department)} 申请退单{_yes(e.final, '（须终裁）', '')}", e.reason,
        ),
        ev.SendBackGranted: lambda e, n: (f"同意 {n.department(e.department)} 退单", e.note),
        ev.SendBackRefused: lambda e, n: (f"驳回 {n.department(e.department)} 退单", e.reason),
        ev.ExtensionRequested: lambda e, n: (
            f"{n.department(e.department)} 申请延期 {e.working_days} 个工作日", e.reason,
        ),
        ev.ExtensionGranted: lambda e, n: (
            f"同意 {n.department(e.department)} 延期 {e.working_days} 个工作日", e.note,
        ),
        ev.ExtensionRefused: lambda e, n: (f"驳回 {n.department(e.department)} 延期", e.reason),
        ev.ClosurePassed: lambda e, n: ("结案审核通过", e.note),
        ev.ClosureReturned: lambda e, n: ("结案审核退回重办", e.reason),
        ev.CitizenReplied: lambda e, n: ("回复诉求人", e.text),
        ev.FollowUpRecorded: lambda e, n: ("回访", _with(_follow_up(e), e.note)),
        ev.CitizenUnreached: lambda e, n: ("回访未接通", e.note),
        ev.ReworkOrdered: lambda e, n: ("重办", _with(_follow_up(e), e.reason)),
        ev.TicketRated: lambda e, n: (f"诉求人评价 {e.rating} 星", e.text),
        ev.TicketClosed: lambda e, n: (
            "结案", _with(e.reason, f"答复：{e.reply}" if e.reply else ""),
        ),
        ev.TicketSuspended: lambda e, n: ("挂起", e.reason),
        ev.TicketResumed: lambda e, n: ("解除挂起", e.note),
        ev.TicketWithdrawn: lambda e, n: ("撤诉", e.reason),
        ev.ReminderSent: lambda e, n: (say.text(e.reminder), e.text),
        ev.ReminderAnswered: lambda e, n: ("答复催办", e.text),
        ev.WarningFired: _warned,
        ev.CardIssued: _carded,
        ev.TicketMerged: lambda e, n: ("并单", e.reason),
        ev.TicketArchived: lambda e, n: ("归档", ""),
        ev.PeerRefused: lambda e, n: (
            "对方平台拒收", _with(n.peer(e.destination), e.peer_code, e.detail),
        ),
    }
)  # fmt: skip


def line(event: ev.Event, names: Names) -> Line:
    return LINES[type(event)](event, names)
