"""A routing proposal: departments by falling probability, with reasons that a person can check."""

from pydantic import Field

from schemas.matter import Frozen


class Candidate(Frozen):
    department: str  # code from the department catalogue
    probability: float = Field(ge=0, le=1)
    reasons: tuple[
        str, ...
    ] = ()  # Chinese; the words or the rule that weighed, without personal data


class Proposal(Frozen):
    """What the machine would do. A proposal is not a dispatch, which is a decision."""

    candidates: tuple[Candidate, ...]  # by falling probability
    dispatch: bool = False  # whether the machine may dispatch to the first candidate by itself
    abstained_because: str | None = None  # Chinese; why it may not
    rule: str | None = None  # the hard rule that decided, if one did
    model: str | None = None  # name and hash of the model; None without one
