-- One row per living branch: its own counts and those of its subtree, of distinct persons, withheld identities included.
-- Members with one affiliation are summed up the tree; only those with several are counted distinctly.
-- The same text runs on every engine. The names in braces are replaced by validated literals.
WITH
{activity},
living_ancestor AS (
    SELECT code, ancestor, row_number() OVER (PARTITION BY code ORDER BY distance) AS nearness
    FROM living_lineage
    WHERE distance > 0
),
open_membership AS (
    SELECT ref, full_since, birth_year, sex, education, identity, floating_since, floating_until
    FROM member
    WHERE {is_member}
),
living_affiliation AS (
    SELECT affiliation.member_ref, affiliation.branch_code, affiliation.role
    FROM affiliation
    JOIN living_branch ON living_branch.code = affiliation.branch_code
    JOIN open_membership ON open_membership.ref = affiliation.member_ref
    WHERE affiliation.start_on <= {as_of} AND (affiliation.end_on IS NULL OR affiliation.end_on > {as_of})
),
member_ties AS (
    SELECT member_ref, count(*) AS ties, max(CASE WHEN role = 'secondary' THEN 1 ELSE 0 END) AS dual
    FROM living_affiliation
    GROUP BY member_ref
),
participant AS (
    SELECT
        open_membership.ref,
        member_ties.ties,
        member_ties.dual AS members_dual,
        CASE WHEN full_since <= {as_of} THEN 1 ELSE 0 END AS full_members,
        CASE WHEN floating_since <= {as_of} AND (floating_until IS NULL OR floating_until > {as_of}) THEN 1 ELSE 0 END
            AS members_floating,
        CASE WHEN {year} - birth_year <= 35 THEN 1 ELSE 0 END AS members_under_36,
        CASE WHEN sex = 'female' THEN 1 ELSE 0 END AS members_women,
        CASE WHEN education IN ({college}) THEN 1 ELSE 0 END AS members_college,
        CASE WHEN birth_year IS NULL THEN 1 ELSE 0 END AS members_under_36_unknown,
        CASE WHEN sex IS NULL THEN 1 ELSE 0 END AS members_women_unknown,
        CASE WHEN education IS NULL THEN 1 ELSE 0 END AS members_college_unknown
    FROM open_membership
    JOIN member_ties ON member_ties.member_ref = open_membership.ref
),
own_sum AS (
    SELECT
        living_affiliation.branch_code AS code,
        CASE WHEN participant.ties = 1 THEN 1 ELSE 0 END AS tied_once,
        count(CASE WHEN living_affiliation.role = 'primary' THEN 1 END) AS members_primary,
        count(*) AS members_participating,
        sum(full_members) AS full_members,
        sum(members_dual) AS members_dual,
        sum(members_floating) AS members_floating,
        sum(members_under_36) AS members_under_36,
        sum(members_women) AS members_women,
        sum(members_college) AS members_college,
        sum(members_under_36_unknown) AS members_under_36_unknown,
        sum(members_women_unknown) AS members_women_unknown,
        sum(members_college_unknown) AS members_college_unknown
    FROM living_affiliation
    JOIN participant ON participant.ref = living_affiliation.member_ref
    GROUP BY living_affiliation.branch_code, CASE WHEN participant.ties = 1 THEN 1 ELSE 0 END
),
own_count AS (
    SELECT
        code, sum(members_primary) AS members_primary, sum(members_participating) AS members_participating,
        sum(full_members) AS full_members, sum(members_dual) AS members_dual, sum(members_floating) AS members_floating,
        sum(members_under_36) AS members_under_36, sum(members_women) AS members_women,
        sum(members_college) AS members_college, sum(members_under_36_unknown) AS members_under_36_unknown,
        sum(members_women_unknown) AS members_women_unknown, sum(members_college_unknown) AS members_college_unknown
    FROM own_sum
    GROUP BY code
),
several_tied AS (
    SELECT DISTINCT living_lineage.ancestor, living_affiliation.member_ref
    FROM living_affiliation
    JOIN member_ties ON member_ties.member_ref = living_affiliation.member_ref AND member_ties.ties > 1
    JOIN living_lineage ON living_lineage.code = living_affiliation.branch_code
),
several_tied_sum AS (
    SELECT
        several_tied.ancestor AS code,
        count(*) AS members_participating,
        sum(full_members) AS full_members,
        sum(members_dual) AS members_dual,
        sum(members_floating) AS members_floating,
        sum(members_under_36) AS members_under_36,
        sum(members_women) AS members_women,
        sum(members_college) AS members_college,
        sum(members_under_36_unknown) AS members_under_36_unknown,
        sum(members_women_unknown) AS members_women_unknown,
        sum(members_college_unknown) AS members_college_unknown
    FROM several_tied
    JOIN participant ON participant.ref = several_tied.member_ref
    GROUP BY several_tied.ancestor
),
subtree_sum AS (
    SELECT
        living_lineage.ancestor AS code,
        sum(members_primary) AS members_primary,
        sum(members_participating) AS affiliations,
        sum(tied_once * members_participating) AS members_participating,
        sum(tied_once * full_members) AS full_members,
        sum(tied_once * members_dual) AS members_dual,
        sum(tied_once * members_floating) AS members_floating,
        sum(tied_once * members_under_36) AS members_under_36,
        sum(tied_once * members_women) AS members_women,
        sum(tied_once * members_college) AS members_college,
        sum(tied_once * members_under_36_unknown) AS members_under_36_unknown,
        sum(tied_once * members_women_unknown) AS members_women_unknown,
        sum(tied_once * members_college_unknown) AS members_college_unknown
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
    SELECT DISTINCT employment.enterprise_code, living_affiliation.branch_code
    FROM living_affiliation
    JOIN open_membership ON open_membership.ref = living_affiliation.member_ref AND open_membership.identity <> 'withheld'
    JOIN employment
        ON employment.member_ref = living_affiliation.member_ref
        AND {is_employed}
    JOIN registered ON registered.code = employment.enterprise_code
    WHERE living_affiliation.role = 'secondary'
),
enterprises_covered AS (
    SELECT
        living_lineage.ancestor AS code,
        count(DISTINCT CASE WHEN living_lineage.distance = 0 THEN covered_enterprise.enterprise_code END) AS own,
        count(DISTINCT covered_enterprise.enterprise_code) AS subtree
    FROM living_lineage
    JOIN covered_enterprise ON covered_enterprise.branch_code = living_lineage.code
    GROUP BY living_lineage.ancestor
),
enterprises_participating AS (
    SELECT
        living_lineage.ancestor AS code,
        count(DISTINCT CASE WHEN living_lineage.distance = 0 THEN participating_enterprise.enterprise_code END) AS own,
        count(DISTINCT participating_enterprise.enterprise_code) AS subtree
    FROM living_lineage
    JOIN participating_enterprise ON participating_enterprise.branch_code = living_lineage.code
    GROUP BY living_lineage.ancestor
)
SELECT
    living_branch.code,
    living_branch.name,
    living_branch.kind,
    living_branch.form,
    living_ancestor.ancestor AS parent_code,
    living_branch.district_code,
    CASE WHEN living_branch.dual_affiliation THEN 1 ELSE 0 END AS dual_affiliation,
    living_branch.industry_code,
    living_branch.industry_group,
    living_branch.established_on,
    CAST(coalesce(own_count.members_primary, 0) AS BIGINT) AS own_members_primary,
    CAST(coalesce(own_count.members_participating, 0) AS BIGINT) AS own_members_participating,
    CAST(coalesce(own_count.members_participating, 0) AS BIGINT) AS own_affiliations,
    CAST(coalesce(own_count.members_participating - own_count.full_members, 0) AS BIGINT) AS own_probationary_members,
    CAST(coalesce(own_count.full_members, 0) AS BIGINT) AS own_full_members,
    CAST(coalesce(own_count.members_dual, 0) AS BIGINT) AS own_members_dual,
    CAST(coalesce(own_count.members_floating, 0) AS BIGINT) AS own_members_floating,
    CAST(coalesce(own_count.members_under_36, 0) AS BIGINT) AS own_members_under_36,
    CAST(coalesce(own_count.members_women, 0) AS BIGINT) AS own_members_women,
    CAST(coalesce(own_count.members_college, 0) AS BIGINT) AS own_members_college,
    CAST(coalesce(own_count.members_under_36_unknown, 0) AS BIGINT) AS own_members_under_36_unknown,
    CAST(coalesce(own_count.members_women_unknown, 0) AS BIGINT) AS own_members_women_unknown,
    CAST(coalesce(own_count.members_college_unknown, 0) AS BIGINT) AS own_members_college_unknown,
    0 AS own_full_members_unknown,
    0 AS own_members_dual_unknown,
    0 AS own_members_floating_unknown,
    coalesce(enterprises_covered.own, 0) AS own_enterprises_covered,
    coalesce(enterprises_participating.own, 0) AS own_enterprises_participating,
    CAST(recent_return.meetings AS BIGINT) AS own_meetings,
    CAST(recent_return.attendances AS BIGINT) AS own_attendances,
    CAST(NULL AS BIGINT) AS own_branches,
    CAST(NULL AS BIGINT) AS own_branches_active,
    CAST(NULL AS BIGINT) AS own_branches_activity_unknown,
    CAST(coalesce(subtree_sum.members_primary, 0) AS BIGINT) AS subtree_members_primary,
    CAST(coalesce(subtree_sum.members_participating, 0) + coalesce(several_tied_sum.members_participating, 0) AS BIGINT) AS subtree_members_participating,
    CAST(coalesce(subtree_sum.affiliations, 0) AS BIGINT) AS subtree_affiliations,
    CAST(coalesce(subtree_sum.members_participating, 0) + coalesce(several_tied_sum.members_participating, 0)
        - coalesce(subtree_sum.full_members, 0) - coalesce(several_tied_sum.full_members, 0) AS BIGINT)
        AS subtree_probationary_members,
    CAST(coalesce(subtree_sum.full_members, 0) + coalesce(several_tied_sum.full_members, 0) AS BIGINT)
        AS subtree_full_members,
    CAST(coalesce(subtree_sum.members_dual, 0) + coalesce(several_tied_sum.members_dual, 0) AS BIGINT)
        AS subtree_members_dual,
    CAST(coalesce(subtree_sum.members_floating, 0) + coalesce(several_tied_sum.members_floating, 0) AS BIGINT)
        AS subtree_members_floating,
    CAST(coalesce(subtree_sum.members_under_36, 0) + coalesce(several_tied_sum.members_under_36, 0) AS BIGINT)
        AS subtree_members_under_36,
    CAST(coalesce(subtree_sum.members_women, 0) + coalesce(several_tied_sum.members_women, 0) AS BIGINT)
        AS subtree_members_women,
    CAST(coalesce(subtree_sum.members_college, 0) + coalesce(several_tied_sum.members_college, 0) AS BIGINT)
        AS subtree_members_college,
    CAST(coalesce(subtree_sum.members_under_36_unknown, 0) + coalesce(several_tied_sum.members_under_36_unknown, 0) AS BIGINT)
        AS subtree_members_under_36_unknown,
    CAST(coalesce(subtree_sum.members_women_unknown, 0) + coalesce(several_tied_sum.members_women_unknown, 0) AS BIGINT)
        AS subtree_members_women_unknown,
    CAST(coalesce(subtree_sum.members_college_unknown, 0) + coalesce(several_tied_sum.members_college_unknown, 0) AS BIGINT)
        AS subtree_members_college_unknown,
    0 AS subtree_full_members_unknown,
    0 AS subtree_members_dual_unknown,
    0 AS subtree_members_floating_unknown,
    coalesce(enterprises_covered.subtree, 0) AS subtree_enterprises_covered,
    coalesce(enterprises_participating.subtree, 0) AS subtree_enterprises_participating,
    CAST(activity_below.meetings AS BIGINT) AS subtree_meetings,
    CAST(activity_below.attendances AS BIGINT) AS subtree_attendances,
    activity_below.branches AS subtree_branches,
    activity_below.branches_active AS subtree_branches_active,
    activity_below.branches_activity_unknown AS subtree_branches_activity_unknown
FROM living_branch
LEFT JOIN living_ancestor ON living_ancestor.code = living_branch.code AND living_ancestor.nearness = 1
JOIN activity_below ON activity_below.code = living_branch.code
LEFT JOIN recent_return ON recent_return.code = living_branch.code
LEFT JOIN own_count ON own_count.code = living_branch.code
LEFT JOIN subtree_sum ON subtree_sum.code = living_branch.code
LEFT JOIN several_tied_sum ON several_tied_sum.code = living_branch.code
LEFT JOIN enterprises_covered ON enterprises_covered.code = living_branch.code
LEFT JOIN enterprises_participating ON enterprises_participating.code = living_branch.code
