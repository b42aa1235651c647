"""All tables of the registry; Alembic reads only this package.

Enumerations are text with a CHECK, since a database ENUM would store names, not values. There are no foreign keys:
they cost a bulk import ten times its time, and the rules between rows (among them every reference) are checked as sets,
under the registry's write lock, by every writer.
"""

from app.database.tables.branches import Affiliation, Branch, EnterpriseCoverage
from app.database.tables.classifications import District, Industry, IndustryGroup, IndustryGroupIndustry
from app.database.tables.enterprises import Enterprise, EnterpriseReturn
from app.database.tables.keys import ApiKey
from app.database.tables.members import Employment, Member
from app.database.tables.metadata import METADATA
from app.database.tables.revision import RegistryRevision
from app.database.tables.tombstones import Tombstone

__all__ = [
    "METADATA",
    "Affiliation",
    "ApiKey",
    "Branch",
    "District",
    "Employment",
    "Enterprise",
    "EnterpriseCoverage",
    "EnterpriseReturn",
    "Industry",
    "IndustryGroup",
    "IndustryGroupIndustry",
    "Member",
    "RegistryRevision",
    "Tombstone",
]
