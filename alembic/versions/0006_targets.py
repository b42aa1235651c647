"""Targets: what an office has set out to reach, by a day."""

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CODE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SCOPE = ("district_code", "industry_code", "industry_group")
_BASES = "'registered', 'operating', 'surveyed', 'eligible', 'above_size'"
_ONE_SCOPE = (
    "(industry_code IS NULL AND (industry_group IS NULL OR sector IS NULL)) "
    "OR (industry_group IS NULL AND sector IS NULL)"
)


def upgrade() -> None:
    op.create_table(
        "target",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        *(sa.Column(name, _CODE) for name in _SCOPE),
        sa.Column("sector", sa.Text()),
        sa.Column("source", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_target")),
        sa.CheckConstraint(f"basis IN ({_BASES})", name=op.f("ck_target_basis")),
        sa.CheckConstraint("sector IN ('non_public', 'social', 'public')", name=op.f("ck_target_sector")),
        sa.CheckConstraint("CAST(value AS NUMERIC) BETWEEN 0 AND 1", name=op.f("ck_target_value")),
        sa.CheckConstraint(_ONE_SCOPE, name=op.f("ck_target_one_scope")),
    )
    for name in _SCOPE:
        op.create_index(op.f(f"ix_target_{name}"), "target", [name])
    op.create_index(
        op.f("uq_target_key"),
        "target",
        ["metric", "basis", "due_on", *(sa.text(f"coalesce({name}, '')") for name in (*_SCOPE, "sector"))],
        unique=True,
    )


def downgrade() -> None:
    op.drop_table("target")
