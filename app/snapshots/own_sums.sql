-- The members of each living branch itself, those with one affiliation apart from those with several; and the branches
-- below which anybody has a secondary one.
-- The same text runs on every engine.
own_sum AS (
    SELECT
        branch_code AS code,
        CASE WHEN member_ref IS NULL THEN 1 ELSE 0 END AS tied_once,
        count(CASE WHEN role = 'primary' THEN 1 END) AS members_primary,
        count(CASE WHEN role = 'secondary' THEN 1 END) AS members_secondary,
        count(*) AS members_participating,
        count(nullif(full_members, 0)) AS full_members,
        count(nullif(members_dual, 0)) AS members_dual,
        count(nullif(members_floating, 0)) AS members_floating,
        count(nullif(members_under_36, 0)) AS members_under_36,
        count(nullif(members_women, 0)) AS members_women,
        count(nullif(members_college, 0)) AS members_college,
        count(nullif(members_under_36_unknown, 0)) AS members_under_36_unknown,
        count(nullif(members_women_unknown, 0)) AS members_women_unknown,
        count(nullif(members_college_unknown, 0)) AS members_college_unknown
    FROM branch_member
    GROUP BY branch_code, CASE WHEN member_ref IS NULL THEN 1 ELSE 0 END
),
joint_branch AS (
    SELECT DISTINCT living_lineage.ancestor AS code
    FROM own_sum
    JOIN living_lineage ON living_lineage.code = own_sum.code
    WHERE members_secondary > 0
)
