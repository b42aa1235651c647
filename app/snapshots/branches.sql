-- One row per living branch: its own counts and those of its subtree, of distinct persons, withheld identities included.
-- Members with one affiliation are summed up the tree; only those with several are counted distinctly.
-- The same text runs on every engine. The names in braces are replaced by validated literals.
WITH
own_count AS (
    SELECT
        code, sum(members_primary) AS members_primary, sum(members_participating) AS members_participating,
        sum(full_members) AS full_members, sum(members_dual) AS members_dual, sum(members_floating) AS members_floating,
        sum(members_under_36) AS members_under_36, sum(members_women) AS members_women,
        sum(members_college) AS members_college, sum(members_under_36_unknown) AS members_under_36_unknown,
        sum(members_women_unknown) AS members_women_unknown, sum(members_college_unknown) AS members_college_unknown
    FROM own_sum
    GROUP BY code
)
SELECT
    living_branch.code,
    living_branch.name,
    living_branch.kind,
    living_branch.form,
    living_parent.ancestor AS parent_code,
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
LEFT JOIN living_parent ON living_parent.code = living_branch.code
JOIN activity_below ON activity_below.code = living_branch.code
LEFT JOIN recent_return ON recent_return.code = living_branch.code
LEFT JOIN own_count ON own_count.code = living_branch.code
LEFT JOIN subtree_sum ON subtree_sum.code = living_branch.code
LEFT JOIN several_tied_sum ON several_tied_sum.code = living_branch.code
LEFT JOIN enterprises_covered ON enterprises_covered.code = living_branch.code
LEFT JOIN enterprises_participating ON enterprises_participating.code = living_branch.code
