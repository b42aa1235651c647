-- What is below each living branch: who, in how many of its enterprises; and what is next above it.
-- Those with one affiliation are summed up the tree; only those with several are counted distinctly.
-- The same text runs on every engine. The names in braces are replaced by validated literals.
living_ancestor AS (
    SELECT code, ancestor, row_number() OVER (PARTITION BY code ORDER BY distance) AS nearness
    FROM living_lineage
    WHERE distance > 0
),
living_parent AS (
    SELECT code, ancestor FROM living_ancestor WHERE nearness = 1
),
several_tied AS (
    SELECT DISTINCT
        living_lineage.ancestor, member_ref, full_members, members_dual, members_floating, members_under_36,
        members_women, members_college, members_under_36_unknown, members_women_unknown, members_college_unknown
    FROM branch_member
    JOIN living_lineage ON living_lineage.code = branch_member.branch_code
    WHERE tied_once = 0
),
several_tied_sum AS (
    SELECT
        ancestor AS code,
        count(*) AS members_participating,
        CAST(sum(full_members) AS BIGINT) AS full_members,
        CAST(sum(members_dual) AS BIGINT) AS members_dual,
        CAST(sum(members_floating) AS BIGINT) AS members_floating,
        CAST(sum(members_under_36) AS BIGINT) AS members_under_36,
        CAST(sum(members_women) AS BIGINT) AS members_women,
        CAST(sum(members_college) AS BIGINT) AS members_college,
        CAST(sum(members_under_36_unknown) AS BIGINT) AS members_under_36_unknown,
        CAST(sum(members_women_unknown) AS BIGINT) AS members_women_unknown,
        CAST(sum(members_college_unknown) AS BIGINT) AS members_college_unknown
    FROM several_tied
    GROUP BY ancestor
),
subtree_sum AS (
    SELECT
        living_lineage.ancestor AS code,
        CAST(sum(members_primary) AS BIGINT) AS members_primary,
        CAST(sum(members_participating) AS BIGINT) AS affiliations,
        CAST(sum(tied_once * members_participating) AS BIGINT) AS members_participating,
        CAST(sum(tied_once * full_members) AS BIGINT) AS full_members,
        CAST(sum(tied_once * members_dual) AS BIGINT) AS members_dual,
        CAST(sum(tied_once * members_floating) AS BIGINT) AS members_floating,
        CAST(sum(tied_once * members_under_36) AS BIGINT) AS members_under_36,
        CAST(sum(tied_once * members_women) AS BIGINT) AS members_women,
        CAST(sum(tied_once * members_college) AS BIGINT) AS members_college,
        CAST(sum(tied_once * members_under_36_unknown) AS BIGINT) AS members_under_36_unknown,
        CAST(sum(tied_once * members_women_unknown) AS BIGINT) AS members_women_unknown,
        CAST(sum(tied_once * members_college_unknown) AS BIGINT) AS members_college_unknown
    FROM living_lineage
    JOIN own_sum ON own_sum.code = living_lineage.code
    GROUP BY living_lineage.ancestor
),
registered AS (
    SELECT code
    FROM enterprise
    WHERE (registered_on IS NULL OR registered_on <= {as_of}) AND (closed_on IS NULL OR closed_on > {as_of})
),
covered_enterprise AS (
    SELECT DISTINCT enterprise_coverage.enterprise_code, enterprise_coverage.branch_code
    FROM enterprise_coverage
    JOIN registered ON registered.code = enterprise_coverage.enterprise_code
    WHERE means IN ({organisation_means}) AND start_on <= {as_of} AND (end_on IS NULL OR end_on > {as_of})
),
participating_enterprise AS (
    SELECT DISTINCT secondary_employment.enterprise_code, secondary_employment.branch_code
    FROM secondary_employment
    JOIN registered ON registered.code = secondary_employment.enterprise_code
),
enterprises_covered AS (
    SELECT
        living_lineage.ancestor AS code,
        count(CASE WHEN living_lineage.distance = 0 THEN 1 END) AS own,
        count(DISTINCT covered_enterprise.enterprise_code) AS subtree
    FROM living_lineage
    JOIN covered_enterprise ON covered_enterprise.branch_code = living_lineage.code
    GROUP BY living_lineage.ancestor
),
enterprises_participating AS (
    SELECT
        living_lineage.ancestor AS code,
        count(CASE WHEN living_lineage.distance = 0 THEN 1 END) AS own,
        count(DISTINCT participating_enterprise.enterprise_code) AS subtree
    FROM living_lineage
    JOIN participating_enterprise ON participating_enterprise.branch_code = living_lineage.code
    GROUP BY living_lineage.ancestor
)
