-- Members, withheld identities included, by home and joint branch; the home is null for members without a living primary
-- branch. Who has several joint branches has a row for each, told by a number, so that districts can count them once.
-- The names in braces are replaced by validated literals.
WITH
candidate_home AS (
    SELECT
        living_lineage.code,
        living_lineage.ancestor,
        row_number() OVER (
            PARTITION BY living_lineage.code
            ORDER BY
                CASE WHEN living_branch.kind = 'committee' THEN 0 ELSE 1 END,
                CASE WHEN living_branch.kind = 'committee' THEN living_lineage.distance ELSE -living_lineage.distance END
        ) AS preference
    FROM living_lineage
    JOIN living_branch ON living_branch.code = living_lineage.ancestor
),
member_home AS (
    SELECT branch_member.member_ref, candidate_home.ancestor AS home_code
    FROM branch_member
    JOIN candidate_home ON candidate_home.code = branch_member.branch_code AND candidate_home.preference = 1
    WHERE branch_member.role = 'primary' AND branch_member.tied_once = 0
),
joint_member AS (
    SELECT
        branch_member.member_ref,
        branch_member.branch_code,
        member_home.home_code,
        count(*) OVER (PARTITION BY branch_member.member_ref) AS branches
    FROM branch_member
    LEFT JOIN member_home ON member_home.member_ref = branch_member.member_ref
    WHERE branch_member.role = 'secondary'
)
SELECT CAST(NULL AS BIGINT) AS member, home_code, branch_code AS joint_branch_code, count(*) AS members
FROM joint_member
WHERE branches = 1
GROUP BY home_code, branch_code
UNION ALL
SELECT dense_rank() OVER (ORDER BY member_ref), home_code, branch_code, 1
FROM joint_member
WHERE branches > 1
