"""From a registration to a routing proposal: what streams and the dispatch desk call."""

import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

from routing.catalogue import Catalogue, load_catalogue
from routing.choose import Classifier, ModelAnswer, choose
from routing.clues import Clues, read_clues
from routing.duties import Duties
from routing.rules import HardRules, load_rules
from routing.segment import Segmenter
from schemas.proposal import Proposal
from schemas.ticket import Registration, Ticket

KEPT_CANDIDATES = 6  # each is stored with its reasons, for as long as the ticket


class Proposer:
    """Proposes departments. Safe to call from several threads; the first call builds the rest.

    machine_dispatch: the switch; without a classifier nothing is dispatched by machine anyway.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        rules: HardRules,
        segmenter: Segmenter,
        classifier: Classifier | None = None,
        *,
        machine_dispatch: bool = False,
        keep: int | None = KEPT_CANDIDATES,
    ) -> None:
        self._catalogue, self._rules = catalogue, rules
        self._segmenter, self._classifier = segmenter, classifier
        self._machine_dispatch, self._keep = machine_dispatch, keep
        self._once = threading.Lock()
        self._duties: tuple[tuple[str, ...], Duties] | None = None

    def warm_up(self) -> threading.Thread:
        """Build dictionary and index in a thread; join it to wait."""
        thread = threading.Thread(target=self._current_duties, name="proposer", daemon=True)
        thread.start()
        return thread

    def propose(self, registration: Registration, ticket: Ticket | None = None) -> Proposal:
        """The departments that the matter may belong to, by falling probability, with reasons.

        Any text is answered: without a clue the proposal says so. The first 1,500 characters are
        read. Departments that do not exist today are never proposed.
        """
        clues = read_clues(registration, ticket, self._catalogue.areas, self._catalogue.today())
        return choose(
            clues,
            self._rules.decide(clues),
            self._answer(clues),
            self._current_duties().rank(clues),
            machine_dispatch=self._machine_dispatch,
            keep=self._keep,
        )

    def _answer(self, clues: Clues) -> ModelAnswer | None:
        model = self._classifier
        if model is None:
            return None
        return ModelAnswer(model.name, model.probabilities(clues.whole), model.threshold)

    def _current_duties(self) -> Duties:
        """The duties of those that exist today: rebuilt on the day a department goes."""
        with self._once:
            departments = self._catalogue.departments()
            codes = tuple(each.code for each in departments)
            if self._duties is None or self._duties[0] != codes:
                self._duties = codes, Duties(departments, self._segmenter)
            return self._duties[1]


def build_proposer(
    today: Callable[[], date],
    *,
    catalogue_file: Path | None = None,
    areas_file: Path | None = None,
    rules_file: Path | None = None,
    classifier: Classifier | None = None,
    machine_dispatch: bool = False,
    keep: int | None = KEPT_CANDIDATES,
) -> tuple[Catalogue, Proposer]:
    """Catalogue and proposer from files. Another city's departments come without our rules.

    Raises: CatalogueWrong.
    """
    catalogue = load_catalogue(today, departments=catalogue_file, areas=areas_file)
    if catalogue_file is not None and rules_file is None:
        rules = HardRules((), catalogue)
    else:
        rules = load_rules(catalogue, rules_file)
    proposer = Proposer(
        catalogue,
        rules,
        Segmenter(catalogue.words()),
        classifier,
        machine_dispatch=machine_dispatch,
        keep=keep,
    )
    return catalogue, proposer
