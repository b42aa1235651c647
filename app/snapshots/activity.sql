-- What the living branches did in the months of the window: tables that the texts of enterprises and of branches read.
-- The same text runs on every engine. The names in braces are replaced by validated literals.
living_branch AS (
    SELECT code, name, kind, form, district_code, dual_affiliation, industry_code, industry_group, established_on
    FROM branch
    WHERE (established_on IS NULL OR established_on <= {as_of}) AND (dissolved_on IS NULL OR dissolved_on > {as_of})
),
living_lineage AS (
    SELECT branch_lineage.ancestor, branch_lineage.code, branch_lineage.distance
    FROM branch_lineage
    JOIN living_branch AS ancestor_branch ON ancestor_branch.code = branch_lineage.ancestor
    JOIN living_branch AS own_branch ON own_branch.code = branch_lineage.code
),
recent_return AS (
    SELECT branch_code AS code, CAST(sum(meetings) AS BIGINT) AS meetings, CAST(sum(attendances) AS BIGINT) AS attendances
    FROM branch_return
    WHERE period_on > {activity_since} AND period_on <= {as_of}
    GROUP BY branch_code
),
meeting_branch AS (
    SELECT
        living_branch.code,
        CASE WHEN recent_return.meetings >= {active_branch_meetings} THEN 1 WHEN recent_return.meetings IS NOT NULL THEN 0 END
            AS active
    FROM living_branch
    LEFT JOIN recent_return ON recent_return.code = living_branch.code
    WHERE living_branch.kind = 'branch'
),
activity_below AS (
    SELECT
        living_lineage.ancestor AS code,
        count(meeting_branch.code) AS branches,
        count(CASE WHEN meeting_branch.active = 1 THEN 1 END) AS branches_active,
        count(meeting_branch.code) - count(meeting_branch.active) AS branches_activity_unknown,
        CAST(sum(recent_return.meetings) AS BIGINT) AS meetings,
        CAST(sum(recent_return.attendances) AS BIGINT) AS attendances
    FROM living_lineage
    LEFT JOIN meeting_branch ON meeting_branch.code = living_lineage.code
    LEFT JOIN recent_return ON recent_return.code = living_lineage.code
    GROUP BY living_lineage.ancestor
),
branch_activity AS (
    SELECT
        living_branch.code,
        CASE
            WHEN living_branch.kind = 'branch' THEN meeting_branch.active
            WHEN activity_below.branches_active > 0 OR recent_return.meetings >= {active_branch_meetings} THEN 1
            WHEN activity_below.branches > 0 AND activity_below.branches_activity_unknown = 0 THEN 0
        END AS active
    FROM living_branch
    JOIN activity_below ON activity_below.code = living_branch.code
    LEFT JOIN meeting_branch ON meeting_branch.code = living_branch.code
    LEFT JOIN recent_return ON recent_return.code = living_branch.code
)
