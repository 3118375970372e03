"""Hard rules as data: the first that fits a matter decides, before any counting of words."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from routing.catalogue import Catalogue
from routing.catalogue_file import (
    DATA,
    CatalogueWrong,
    Code,
    Department,
    Word,
    read_toml,
)
from routing.clues import Clues
from schemas.areas import Area, AreaCode
from schemas.matter import Frozen, MatterKind, Urgency

RULES = DATA / "rules.toml"
Where = AreaCode | Literal["inside", "outside"]
_OF_JURISDICTION, _OF_ACCUSED = "area", "accused_area"


class Rule(Frozen):
    """One entry of rules.toml, which explains the keys."""

    code: Code
    name: Word
    any: tuple[Word, ...] = ()
    all: tuple[Word, ...] = ()
    none: tuple[Word, ...] = ()
    title_any: tuple[Word, ...] = ()
    kinds: tuple[MatterKind, ...] = ()
    urgencies: tuple[Urgency, ...] = ()
    categories: tuple[Word, ...] = ()
    areas: tuple[Where, ...] = ()
    accused_areas: tuple[Where, ...] = ()
    department: Code | None = None
    dispatch: bool = False
    reason: Word

    @property
    def demands_something(self) -> bool:
        """`none` alone would fit nearly every matter."""
        words = self.any or self.all or self.title_any
        facts = self.kinds or self.urgencies or self.categories
        return bool(words or facts or self.areas or self.accused_areas)


class RulesFile(Frozen):
    rule: tuple[Rule, ...] = Field(default=())


@dataclass(frozen=True)
class Ruling:
    """A rule that fits, and the department it means; None: a person decides."""

    rule: Rule
    department: str | None
    reasons: tuple[str, ...]  # Chinese


class HardRules:
    """The rules in order, over the departments of a catalogue."""

    def __init__(self, rules: tuple[Rule, ...], catalogue: Catalogue) -> None:
        self.rules, self._catalogue = rules, catalogue

    def decide(self, clues: Clues) -> Ruling | None:
        """The first rule that fits.

        A rule whose department is gone without successor, or has sent this ticket back, decides
        nothing; the next one is asked.
        """
        for rule in self.rules:
            if not _fits(rule, clues):
                continue
            reasons = tuple(_reasons(rule, clues))
            if rule.department is None:
                return Ruling(rule, None, reasons)
            department = self._department(rule.department, clues)
            if department is not None and department.code not in clues.sent_back_by:
                return Ruling(rule, department.code, reasons)
        return None

    def _department(self, wanted: str, clues: Clues) -> Department | None:
        area = {_OF_JURISDICTION: clues.jurisdiction, _OF_ACCUSED: clues.accused_area}.get(wanted)
        if area is not None:
            return self._catalogue.government(area.code)
        return self._catalogue.current(wanted)


def load_rules(catalogue: Catalogue, file: Path | None = None) -> HardRules:
    """Rules from a file, or the built-in ones.

    Raises: CatalogueWrong.
    """
    file = file or RULES
    rules = read_toml(file, RulesFile).rule
    if problems := list(_problems(rules, catalogue)):
        raise CatalogueWrong(file, problems)
    return HardRules(rules, catalogue)


def _fits(rule: Rule, clues: Clues) -> bool:
    whole = clues.whole
    return (
        (not rule.any or any(word in whole for word in rule.any))
        and all(word in whole for word in rule.all)
        and not any(word in whole for word in rule.none)
        and (not rule.title_any or any(word in clues.title for word in rule.title_any))
        and (not rule.kinds or clues.kind in rule.kinds)
        and (not rule.urgencies or clues.urgency in rule.urgencies)
        and (not rule.categories or any(below(clues.category, c) for c in rule.categories))
        and (not rule.areas or _lies(clues.jurisdiction, clues.inside, rule.areas))
        and (
            not rule.accused_areas
            or _lies(clues.accused_area, clues.accused_inside, rule.accused_areas)
        )
    )


def below(category: str | None, branch: str) -> bool:
    """Whether a category is the branch or lies below it."""
    return category is not None and f"{category}/".startswith(f"{branch}/")


def _lies(area: Area | None, inside: bool | None, wanted: tuple[Where, ...]) -> bool:
    """Whether a place meets a condition; an unknown place meets none."""
    if area is not None and area.code in wanted:
        return True
    return inside is not None and ("inside" if inside else "outside") in wanted


def _reasons(rule: Rule, clues: Clues) -> Iterator[str]:
    """What a person needs to check the rule: its words, and the areas it looked at."""
    yield f"规则“{rule.name}”：{rule.reason}"
    hits = [word for word in (*rule.any, *rule.all) if word in clues.whole]
    hits += [word for word in rule.title_any if word in clues.title]
    if hits:
        yield f"命中词语：{'、'.join(dict.fromkeys(hits))}"
    looks_at_area = rule.areas or rule.department == _OF_JURISDICTION
    if looks_at_area and clues.jurisdiction is not None:
        yield f"属地：{clues.jurisdiction.name}（{clues.area_origin}）"
    if (rule.accused_areas or rule.department == _OF_ACCUSED) and clues.accused_area is not None:
        yield f"被诉方登记地：{clues.accused_area.name}（统一社会信用代码）"


def _problems(rules: tuple[Rule, ...], catalogue: Catalogue) -> Iterator[str]:
    on = catalogue.today()
    seen: set[str] = set()
    for rule in rules:
        at = f"rule {rule.code}"
        if rule.code in seen:
            yield f"{at}: code: stands there twice — rename one"
        seen.add(rule.code)
        if not rule.demands_something:
            yield f"{at}: any: the rule would fit every matter — add a condition"
        named = rule.department
        if named not in (None, _OF_JURISDICTION, _OF_ACCUSED) and not catalogue.get(named or ""):
            yield f"{at}: department: no department {named} — add it to the departments or correct"
        if rule.dispatch and named is None:
            yield f"{at}: dispatch: there is no department to dispatch to — name one or remove it"
        for code in rule.categories:
            if code not in catalogue.categories:
                yield f"{at}: categories: no category {code} — add it to the categories or correct"
        for key, codes in (("areas", rule.areas), ("accused_areas", rule.accused_areas)):
            for code in codes:
                if code.isdigit() and catalogue.areas.current(code, on) is None:
                    yield f"{at}: {key}: no area {code} — add it to the areas or correct"
