"""Ledgers as offices keep them: taken with the right figures, or refused with the right sentence, in both languages."""

from pathlib import Path
from typing import Any

import pytest

from app.errors import InvalidRequest
from app.imports.issues import RowIssue
from app.imports.load import Imported, ImportRejected
from app.imports.refusals import FileRefused
from tests.factories.importing import TREES, Registry
from tests.factories.ledgers import LEDGERS, Ledger


@pytest.fixture
def registry(migrated_sqlite_url: str, tmp_path: Path) -> Registry:
    made = Registry(migrated_sqlite_url, tmp_path)
    made.load({"districts": TREES["districts"]})
    return made


def test_there_are_enough_habits() -> None:
    assert len(LEDGERS) >= 40
    assert len({ledger.habit for ledger in LEDGERS}) == len(LEDGERS)


@pytest.mark.parametrize("ledger", LEDGERS, ids=lambda ledger: ledger.habit)
def test_a_ledger_is_taken_with_its_figures_or_refused_with_its_sentence(registry: Registry, ledger: Ledger) -> None:
    english, chinese = ledger.told
    if ledger.at_once:
        said = _refused_at_once(registry, ledger)
    else:
        issues = _issues(registry, ledger)
        assert sorted({(issue.row, str(issue.rule)) for issue in issues}) == sorted(ledger.rules)
        said = [(issue.message, issue.told.said("zh")) for issue in issues]
    if english:
        assert any(english in sentence for sentence, _ in said), said
        assert any(chinese in sentence for _, sentence in said), said
    returns = registry.rows("enterprise_return", "enterprise_code", "headcount", "members")
    assert {code: (headcount, members) for code, headcount, members in returns} == ledger.figures
    assert registry.rows("enterprise", "code") == sorted((code,) for code in ledger.figures)


def _issues(registry: Registry, ledger: Ledger) -> tuple[RowIssue, ...]:
    try:
        return _taken(registry, ledger).issues
    except ImportRejected as rejected:
        return rejected.imported.issues
    except FileRefused as refused:
        return refused.log.listed if refused.log else ()


def _taken(registry: Registry, ledger: Ledger) -> Imported:
    return registry.take_bytes("ledger", ledger.content, **ledger.options)


def _refused_at_once(registry: Registry, ledger: Ledger) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        _taken(registry, ledger)
    refused: Any = caught.value
    said = [(str(refused.detail), refused.detail.said("zh"))]
    return said + [(str(item.message), item.message.said("zh")) for item in refused.errors]
