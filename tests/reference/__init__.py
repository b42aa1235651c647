"""An independent reading of the domain and its statistics: slow, plain, and made to be compared with."""

from tests.reference.answers import Reference
from tests.reference.as_of import Thresholds
from tests.reference.questions import QuestionError
from tests.reference.registry import COLUMNS, Registry, Row, registry_of, row

__all__ = ["COLUMNS", "QuestionError", "Reference", "Registry", "Row", "Thresholds", "registry_of", "row"]
