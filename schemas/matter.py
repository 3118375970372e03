"""Matter (诉求): what it is about, how urgent, where."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.visible_text import VISIBLE, VISIBLE_LINE


class Frozen(BaseModel):
    """Base of all values that travel: frozen, and a field nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MatterKind(StrEnum):
    INQUIRY = "inquiry"  # 咨询
    HELP = "help"  # 求助
    COMPLAINT = "complaint"  # 投诉
    TIP_OFF = "tip_off"  # 举报
    SUGGESTION = "suggestion"  # 建议
    PRAISE = "praise"  # 表扬


class Urgency(StrEnum):
    NORMAL = "normal"
    URGENT = "urgent"  # water, power, gas, heat: hours
    CRITICAL = "critical"  # life or property at risk


class Matter(Frozen):
    """What the citizen asks for. Texts are the citizen's own and may hold personal data."""

    title: Annotated[str, Field(min_length=1, max_length=200), VISIBLE_LINE]
    text: Annotated[str, Field(min_length=1, max_length=20_000), VISIBLE]
    kind: MatterKind = MatterKind.COMPLAINT
    urgency: Urgency = Urgency.NORMAL
    category_code: Annotated[str | None, Field(max_length=64), VISIBLE_LINE] = None
    area_code: str | None = Field(default=None, pattern=r"^\d{6}$")  # jurisdiction 属地
    place: Annotated[str | None, Field(max_length=200), VISIBLE_LINE] = None
