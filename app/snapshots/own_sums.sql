-- The members of each living branch itself, those with one affiliation apart from those with several; and the joint branches,
-- below which anybody has a secondary one, with what is below each.
-- The same text runs on every engine.
own_sum AS (
    SELECT
        code,
        tied_once,
        CAST(sum(members_primary) AS BIGINT) AS members_primary,
        CAST(sum(members_secondary) AS BIGINT) AS members_secondary,
        CAST(sum(members_participating) AS BIGINT) AS members_participating,
        CAST(sum(full_members) AS BIGINT) AS full_members,
        CAST(sum(members_dual) AS BIGINT) AS members_dual,
        CAST(sum(members_floating) AS BIGINT) AS members_floating,
        CAST(sum(members_under_36) AS BIGINT) AS members_under_36,
        CAST(sum(members_women) AS BIGINT) AS members_women,
        CAST(sum(members_college) AS BIGINT) AS members_college,
        CAST(sum(members_under_36_unknown) AS BIGINT) AS members_under_36_unknown,
        CAST(sum(members_women_unknown) AS BIGINT) AS members_women_unknown,
        CAST(sum(members_college_unknown) AS BIGINT) AS members_college_unknown
    FROM affiliation_sum
    GROUP BY code, tied_once
),
joint_branch AS (
    SELECT DISTINCT living_lineage.ancestor AS code
    FROM own_sum
    JOIN living_lineage ON living_lineage.code = own_sum.code
    WHERE members_secondary > 0
),
joint_lineage AS (
    SELECT living_lineage.ancestor, living_lineage.code
    FROM living_lineage
    JOIN joint_branch ON joint_branch.code = living_lineage.ancestor
)
