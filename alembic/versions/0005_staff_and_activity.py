"""Staff by age, sex and education in returns; what branches do in a month.

What is there says nothing of either, and stays unknown.
"""

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_CODE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_PARTS = ("headcount_under_36", "headcount_women", "headcount_college")


def upgrade() -> None:
    # SQLite alters a table only by copying it.
    with op.batch_alter_table("enterprise_return") as table:
        for part in _PARTS:
            table.add_column(sa.Column(part, sa.Integer()))
        for part in _PARTS:
            table.create_check_constraint(_name(part), f"{part} >= 0 AND {part} <= headcount")
    op.create_table(
        "branch_return",
        sa.Column("branch_code", _CODE, nullable=False),
        sa.Column("period_on", sa.Date(), nullable=False),
        sa.Column("meetings", sa.Integer(), nullable=False),
        sa.Column("attendances", sa.Integer()),
        sa.PrimaryKeyConstraint("branch_code", "period_on", name=op.f("pk_branch_return")),
        sa.CheckConstraint("meetings >= 0", name=op.f("ck_branch_return_meetings")),
        sa.CheckConstraint("attendances >= 0", name=op.f("ck_branch_return_attendances")),
    )


def downgrade() -> None:
    op.drop_table("branch_return")
    with op.batch_alter_table("enterprise_return") as table:
        for part in _PARTS:
            table.drop_constraint(_name(part), type_="check")
        for part in _PARTS:
            table.drop_column(part)


def _name(part: str) -> str:
    return op.f(f"ck_enterprise_return_{part}")
