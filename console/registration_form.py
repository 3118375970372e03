"""The registration form: blank, prefilled from a draft, and for amending what was registered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from multidict import MultiMapping
from pydantic import ValidationError

from console import say
from console.forms import FormWrong, in_chinese
from schemas.matter import Matter, MatterKind, Urgency
from schemas.parties import AccusedParty, Citizen, uscc_is_valid
from schemas.ticket import HandlingMode, Registration, Source
from schemas.visible_text import visible

# form field -> (place in the registration, label)
_PLACES: Mapping[str, tuple[str, str]] = {
    "title": ("matter.title", "标题"),
    "text": ("matter.text", "诉求内容"),
    "kind": ("matter.kind", "诉求类型"),
    "urgency": ("matter.urgency", "紧急程度"),
    "category_code": ("matter.category_code", "事项类别"),
    "area_code": ("matter.area_code", "属地"),
    "place": ("matter.place", "发生地点"),
    "citizen_name": ("citizen.name", "姓名"),
    "citizen_phone": ("citizen.phone", "联系电话"),
    "citizen_id_no": ("citizen.id_no", "证件号码"),
    "accused_name": ("accused.name", "名称"),
    "accused_uscc": ("accused.uscc", "统一社会信用代码"),
    "accused_address": ("accused.address", "地址"),
    "matter_source": ("matter_source", "诉求来源"),
    "source_ticket_no": ("source_ticket_no", "来源单号"),
    "handling_mode": ("handling_mode", "处办方式"),
}
_FIELD_OF = {place: name for name, (place, _) in _PLACES.items()}
_LABELS = dict(_PLACES.values())
# channels that an operator types in himself; the others arrive by their connectors
TYPED_SOURCES = (Source.COUNTER, Source.PHONE_LOG)
MATTER_SOURCES = ("来电", "来访", "来信", "媒体", "领导信箱", "其他")


@dataclass(frozen=True)
class Choices:
    """What the select boxes offer."""

    kinds: tuple[tuple[str, str], ...] = tuple((k.value, say.text(k)) for k in MatterKind)
    urgencies: tuple[tuple[str, str], ...] = tuple((u.value, say.text(u)) for u in Urgency)
    modes: tuple[tuple[str, str], ...] = tuple((m.value, say.text(m)) for m in HandlingMode)
    sources: tuple[tuple[str, str], ...] = tuple((s.value, say.text(s)) for s in TYPED_SOURCES)
    matter_sources: tuple[str, ...] = MATTER_SOURCES


def values_of(registration: Registration) -> dict[str, str]:
    """The form's fields as they stand in a registration."""
    whole = registration.model_dump(mode="json")
    values = {name: str(_at(whole, place) or "") for name, (place, _) in _PLACES.items()}
    confidential = registration.citizen is not None and registration.citizen.confidential
    return values | {
        "source": registration.source,
        "confidential": "true" if confidential else "",
        "superior_assigned": "true" if registration.superior_assigned else "",
    }


def _at(whole: Mapping[str, Any], place: str) -> Any:
    found: Any = whole
    for part in place.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def registration_from(
    posted: MultiMapping[str], received_at: datetime, draft: Registration | None = None
) -> Registration:
    """The registration that was typed; what only the source can know is kept from `draft`.

    Raises: FormWrong, by form field.
    """
    texts = {name: visible(str(posted.get(name, ""))).strip() for name in _PLACES}
    values: dict[str, Any] = {"received_at": received_at, "source": posted.get("source", "")}
    if draft is not None:
        values = {
            name: getattr(draft, name)
            for name in ("received_at", "source", "peer", "call_no", "superior_assigned")
        }
    else:
        values["superior_assigned"] = posted.get("superior_assigned") == "true"
        if values["source"] not in set(TYPED_SOURCES):
            values["source"] = Source.COUNTER
    for name, (place, _) in _PLACES.items():
        if texts[name]:
            _put(values, place, texts[name])
    values.setdefault("matter", {})
    if "citizen" in values:
        values["citizen"]["confidential"] = posted.get("confidential") == "true"
    errors = _uscc(texts["accused_uscc"])
    if not texts["kind"]:
        errors["kind"] = "请选择诉求类型"  # its limits hang on it: never a silent default
    try:
        registration = Registration.model_validate(values)
    except ValidationError as error:
        said = in_chinese(error, _LABELS)
        errors |= {_FIELD_OF.get(place, place): sentence for place, sentence in said.items()}
    if errors:
        raise FormWrong(errors)
    return registration


def _put(values: dict[str, Any], place: str, text: str) -> None:
    first, _, rest = place.partition(".")
    if rest:
        values.setdefault(first, {})[rest] = text
    else:
        values[first] = text


def _uscc(code: str) -> dict[str, str]:
    if code and not uscc_is_valid(code):
        return {"accused_uscc": "统一社会信用代码校验不通过，请核对 18 位代码"}
    return {}


def amended_parts(
    before: Registration, after: Registration
) -> dict[str, Matter | Citizen | AccusedParty]:
    """The parts that an amendment changes, as AmendTicket names them."""
    return {
        name: getattr(after, name)
        for name in ("matter", "citizen", "accused")
        if getattr(after, name) is not None and getattr(after, name) != getattr(before, name)
    }
