"""What a report says in words, per event. Pure."""

from schemas import events


def content_of(event: events.Event) -> str:  # noqa: PLR0911  one sentence an event
    """The `content` of a report: the words of those who handled it, or a short sentence."""
    match event:
        case events.FeedbackGiven(text=text) | events.ReminderAnswered(text=text):
            return text
        case events.DirectlyAnswered(text=text) | events.CitizenReplied(text=text):
            return text
        case events.DepartmentCompleted(result=result):
            return result
        case events.MediationRecorded(agreed=agreed, text=text):
            return f"{'调解达成一致' if agreed else '调解未达成一致'}：{text}"
        case events.ExtensionGranted(working_days=days, note=note):
            return f"同意延期 {days} 个工作日" + (f"：{note}" if note else "")
        case events.FollowUpRecorded(satisfied=satisfied, resolved=resolved, note=note):
            said = f"{'满意' if satisfied else '不满意'}，{'已解决' if resolved else '未解决'}"
            return said + (f"：{note}" if note else "")
        case events.TicketRated(rating=rating, text=text):
            return f"评价 {rating} 分" + (f"：{text}" if text else "")
        case events.TicketClosed(reason=reason, reply=reply):
            return reply or reason
        case _:
            # a reason where one is wanted (decline, withdrawal, return), else a note, else nothing
            return str(getattr(event, "reason", "") or getattr(event, "note", ""))
