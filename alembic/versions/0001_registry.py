"""The registry: districts, industries, industry groups, enterprises, branches, pseudonymous members, its revision."""

from datetime import UTC, datetime

import sqlalchemy as sa

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_CODE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_TABLES = (
    "district",
    "industry",
    "industry_group",
    "industry_group_industry",
    "enterprise",
    "enterprise_return",
    "branch",
    "enterprise_coverage",
    "member",
    "employment",
    "affiliation",
    "registry_revision",
)


def upgrade() -> None:
    _create_classifications()
    _create_enterprises()
    _create_branches()
    _create_members()
    _create_employments_and_affiliations()
    _create_revision()


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _code(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, _CODE, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _index(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def _create_classifications() -> None:
    _create_tree("district", "level IN ('province', 'city', 'county', 'street', 'site')")
    _create_tree("industry", "level IN ('section', 'division', 'group', 'class')")
    op.create_table(
        "industry_group",
        _code("code"),
        _text("name_zh"),
        _text("name_en", nullable=True),
        _key("industry_group", "code"),
    )
    op.create_table(
        "industry_group_industry",
        _code("group_code"),
        _code("industry_code"),
        _key("industry_group_industry", "group_code", "industry_code"),
    )
    _index("industry_group_industry", "industry_code")


def _create_tree(table: str, levels: str) -> None:
    op.create_table(
        table,
        _code("code"),
        _code("parent_code", nullable=True),
        _text("level"),
        _text("name_zh"),
        _text("name_en", nullable=True),
        _key(table, "code"),
        _check(table, "level", levels),
    )
    _index(table, "parent_code")


def _create_enterprises() -> None:
    op.create_table(
        "enterprise",
        _code("code"),
        _text("name"),
        _text("kind"),
        sa.Column("registered_on", sa.Date()),
        sa.Column("closed_on", sa.Date()),
        _code("district_code", nullable=True),
        _code("industry_code", nullable=True),
        _code("supersedes", nullable=True),
        _key("enterprise", "code"),
        _check("enterprise", "kind", "kind IN ('enterprise', 'social_organisation', 'institution')"),
        _check("enterprise", "registered_on_closed_on", "registered_on < closed_on"),
    )
    _index("enterprise", "district_code", "industry_code", "supersedes")
    _create_returns()


def _create_returns() -> None:
    table = "enterprise_return"
    parts = ("full_members", "members_dual", "members_under_36", "members_women", "members_college", "members_floating")
    op.create_table(
        table,
        _code("enterprise_code"),
        sa.Column("reported_on", sa.Date(), nullable=False),
        _code("district_code", nullable=True),
        _code("industry_code", nullable=True),
        _text("ownership", nullable=True),
        _text("size_class", nullable=True),
        *(sa.Column(name, sa.Boolean()) for name in ("operating", "fixed_premises", "above_designated_size")),
        *(sa.Column(name, sa.Integer()) for name in ("headcount", "members", *parts)),
        _key(table, "enterprise_code", "reported_on"),
        _check(
            table,
            "ownership",
            "ownership IN ('state', 'collective', 'private', 'foreign', 'hong_kong_macao_taiwan', 'mixed', 'other')",
        ),
        _check(table, "size_class", "size_class IN ('large', 'medium', 'small', 'micro')"),
        _check(table, "headcount", "headcount >= 0"),
        _check(table, "members", "members >= 0"),
        *(_check(table, part, f"{part} >= 0 AND {part} <= members") for part in parts),
    )
    _index(table, "district_code", "industry_code")


def _create_branches() -> None:
    op.create_table(
        "branch",
        _code("code"),
        _text("name"),
        _text("kind"),
        _code("parent_code", nullable=True),
        _code("district_code"),
        _text("form", nullable=True),
        sa.Column("dual_affiliation", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        _code("industry_code", nullable=True),
        _code("industry_group", nullable=True),
        sa.Column("established_on", sa.Date()),
        sa.Column("dissolved_on", sa.Date()),
        _key("branch", "code"),
        _check("branch", "kind", "kind IN ('committee', 'general_branch', 'branch')"),
        _check("branch", "form", "form IN ('standalone', 'joint', 'area', 'industry', 'functional', 'temporary')"),
        _check("branch", "established_on_dissolved_on", "established_on < dissolved_on"),
        _check("branch", "one_industry", "industry_code IS NULL OR industry_group IS NULL"),
    )
    _index("branch", "parent_code", "district_code", "industry_code", "industry_group")
    _create_coverage()


def _create_coverage() -> None:
    table = "enterprise_coverage"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        _code("enterprise_code"),
        _code("branch_code", nullable=True),
        _text("means"),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("end_on", sa.Date()),
        _key(table, "id"),
        _check(
            table,
            "means",
            "means IN ('standalone', 'joint', 'area', 'industry', 'attached', 'instructor', 'liaison', 'trade_union', "
            "'youth_league')",
        ),
        _check(table, "start_on_end_on", "start_on < end_on"),
    )
    _index(table, "branch_code")
    op.create_index(
        op.f("uq_enterprise_coverage_key"),
        table,
        ["enterprise_code", sa.text("coalesce(branch_code, '')"), "means", "start_on"],
        unique=True,
    )


def _create_members() -> None:
    op.create_table(
        "member",
        _code("ref"),
        sa.Column("joined_on", sa.Date(), nullable=False),
        sa.Column("full_since", sa.Date()),
        sa.Column("left_on", sa.Date()),
        sa.Column("birth_year", sa.Integer()),
        _text("sex", nullable=True),
        _text("education", nullable=True),
        sa.Column("identity", sa.Text(), nullable=False, server_default=sa.text("'open'")),
        sa.Column("floating_since", sa.Date()),
        sa.Column("floating_until", sa.Date()),
        _key("member", "ref"),
        _check("member", "sex", "sex IN ('female', 'male')"),
        _check(
            "member",
            "education",
            "education IN ('doctorate', 'master', 'bachelor', 'junior_college', 'secondary_vocational', "
            "'senior_secondary', 'junior_secondary_or_below')",
        ),
        _check("member", "identity", "identity IN ('open', 'withheld')"),
        _check("member", "joined_on_full_since", "joined_on <= full_since"),
        _check("member", "joined_on_left_on", "joined_on < left_on"),
        _check("member", "floating_since_floating_until", "floating_since < floating_until"),
    )


def _create_employments_and_affiliations() -> None:
    op.create_table(
        "employment",
        _code("member_ref"),
        _code("enterprise_code"),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("end_on", sa.Date()),
        _key("employment", "member_ref", "enterprise_code", "start_on"),
        _check("employment", "start_on_end_on", "start_on < end_on"),
    )
    _index("employment", "enterprise_code")
    op.create_table(
        "affiliation",
        _code("member_ref"),
        _code("branch_code"),
        _text("role"),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("end_on", sa.Date()),
        _key("affiliation", "member_ref", "branch_code", "role", "start_on"),
        _check("affiliation", "role", "role IN ('primary', 'secondary')"),
        _check("affiliation", "start_on_end_on", "start_on < end_on"),
    )
    _index("affiliation", "branch_code")


def _create_revision() -> None:
    table = op.create_table(
        "registry_revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        _key("registry_revision", "id"),
    )
    op.bulk_insert(table, [{"id": 1, "revision": 0, "changed_at": datetime.now(UTC)}])
