-- Who takes part in which living branch on the date: rows by member and branch.
-- The same text runs on every engine. The names in braces are replaced by validated literals.
living_affiliation AS (
    SELECT
        affiliation.member_ref,
        affiliation.branch_code,
        affiliation.role,
        member.identity,
        CASE WHEN full_since <= {as_of} THEN 1 ELSE 0 END AS full_members,
        CASE WHEN floating_since <= {as_of} AND (floating_until IS NULL OR floating_until > {as_of}) THEN 1 ELSE 0 END
            AS members_floating,
        CASE WHEN {year} - birth_year <= 35 THEN 1 ELSE 0 END AS members_under_36,
        CASE WHEN sex = 'female' THEN 1 ELSE 0 END AS members_women,
        CASE WHEN education IN ({college}) THEN 1 ELSE 0 END AS members_college,
        CASE WHEN birth_year IS NULL THEN 1 ELSE 0 END AS members_under_36_unknown,
        CASE WHEN sex IS NULL THEN 1 ELSE 0 END AS members_women_unknown,
        CASE WHEN education IS NULL THEN 1 ELSE 0 END AS members_college_unknown
    FROM affiliation
    JOIN living_branch ON living_branch.code = affiliation.branch_code
    JOIN member ON member.ref = affiliation.member_ref
    WHERE affiliation.start_on <= {as_of} AND (affiliation.end_on IS NULL OR affiliation.end_on > {as_of})
      AND {is_member}
),
member_ties AS (
    SELECT member_ref, count(*) AS ties, max(CASE WHEN role = 'secondary' THEN 1 ELSE 0 END) AS dual
    FROM living_affiliation
    GROUP BY member_ref
),
branch_member AS (
    SELECT
        living_affiliation.branch_code,
        CASE WHEN member_ties.ties > 1 THEN living_affiliation.member_ref END AS member_ref,
        living_affiliation.role,
        full_members,
        member_ties.dual AS members_dual,
        members_floating,
        members_under_36,
        members_women,
        members_college,
        members_under_36_unknown,
        members_women_unknown,
        members_college_unknown
    FROM living_affiliation
    JOIN member_ties ON member_ties.member_ref = living_affiliation.member_ref
),
secondary_employment AS (
    SELECT DISTINCT employment.enterprise_code, living_affiliation.branch_code
    FROM living_affiliation
    JOIN employment
        ON employment.member_ref = living_affiliation.member_ref
        AND {is_employed}
    WHERE living_affiliation.role = 'secondary' AND living_affiliation.identity <> 'withheld'
)
