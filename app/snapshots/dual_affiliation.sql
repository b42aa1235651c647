-- Members, withheld identities included, by home and joint branch; the home is null for members without a living primary
-- branch. Who has several joint branches has a row for each, told by a number, so that districts can count them once.
-- The names in braces are replaced by validated literals.
WITH
living_branch AS (
    SELECT code, kind
    FROM branch
    WHERE (established_on IS NULL OR established_on <= {as_of}) AND (dissolved_on IS NULL OR dissolved_on > {as_of})
),
candidate_home AS (
    SELECT
        branch_lineage.code,
        branch_lineage.ancestor,
        row_number() OVER (
            PARTITION BY branch_lineage.code
            ORDER BY
                CASE WHEN living_branch.kind = 'committee' THEN 0 ELSE 1 END,
                CASE WHEN living_branch.kind = 'committee' THEN branch_lineage.distance ELSE -branch_lineage.distance END
        ) AS preference
    FROM branch_lineage
    JOIN living_branch ON living_branch.code = branch_lineage.ancestor
),
living_affiliation AS (
    SELECT affiliation.member_ref, affiliation.branch_code, affiliation.role
    FROM affiliation
    JOIN living_branch ON living_branch.code = affiliation.branch_code
    JOIN member ON member.ref = affiliation.member_ref
    WHERE affiliation.start_on <= {as_of} AND (affiliation.end_on IS NULL OR affiliation.end_on > {as_of})
      AND {is_member}
),
member_home AS (
    SELECT living_affiliation.member_ref, candidate_home.ancestor AS home_code
    FROM living_affiliation
    JOIN candidate_home ON candidate_home.code = living_affiliation.branch_code AND candidate_home.preference = 1
    WHERE living_affiliation.role = 'primary'
),
joint_member AS (
    SELECT
        living_affiliation.member_ref,
        living_affiliation.branch_code,
        member_home.home_code,
        count(*) OVER (PARTITION BY living_affiliation.member_ref) AS branches
    FROM living_affiliation
    LEFT JOIN member_home ON member_home.member_ref = living_affiliation.member_ref
    WHERE living_affiliation.role = 'secondary'
)
SELECT CAST(NULL AS BIGINT) AS member, home_code, branch_code AS joint_branch_code, count(*) AS members
FROM joint_member
WHERE branches = 1
GROUP BY home_code, branch_code
UNION ALL
SELECT dense_rank() OVER (ORDER BY member_ref), home_code, branch_code, 1
FROM joint_member
WHERE branches > 1
