-- Data quality: one row per finding, from the facts of enterprises and branches; members are only counted.
-- The names in braces are replaced by validated literals.
WITH
past_return AS (
    SELECT enterprise_code, reported_on, headcount,
           row_number() OVER (PARTITION BY enterprise_code ORDER BY reported_on DESC) AS age
    FROM enterprise_return
    WHERE reported_on <= {as_of}
),
older_headcount AS (
    SELECT enterprise_code, median(headcount) AS middle, count(*) AS returns
    FROM past_return
    WHERE age > 1 AND headcount IS NOT NULL
    GROUP BY enterprise_code
    HAVING count(*) >= 4
),
headcount_spread AS (
    SELECT older_headcount.enterprise_code, any_value(middle) AS middle, median(abs(headcount - middle)) AS deviation
    FROM older_headcount
    JOIN past_return ON past_return.enterprise_code = older_headcount.enterprise_code
    WHERE past_return.age > 1 AND past_return.headcount IS NOT NULL
    GROUP BY older_headcount.enterprise_code
),
headcount_jump AS (
    SELECT past_return.enterprise_code, past_return.headcount
    FROM past_return
    JOIN headcount_spread ON headcount_spread.enterprise_code = past_return.enterprise_code
    WHERE past_return.age = 1
      AND (past_return.headcount > 3 * middle OR 3 * past_return.headcount < middle)
      AND (deviation = 0 OR 0.6745 * abs(past_return.headcount - middle) / deviation > 3.5)
),
failed_code AS (
    SELECT code
    FROM enterprise_fact
    WHERE {looks_like_credit_code} AND NOT ({is_credit_code})
),
enterprise_finding AS (
    SELECT 'return_missing' AS rule, code, CAST(NULL AS BIGINT) AS value FROM enterprise_fact WHERE reported_on IS NULL
    UNION ALL
    SELECT 'return_stale', code, CAST(CAST({as_of} AS DATE) - reported_on AS BIGINT)
    FROM enterprise_fact WHERE reported_on IS NOT NULL AND enterprises_reporting = 0
    UNION ALL
    SELECT 'headcount_unknown', code, NULL FROM enterprise_fact WHERE headcount IS NULL
    UNION ALL
    SELECT 'members_unknown', code, NULL FROM enterprise_fact WHERE members IS NULL
    UNION ALL
    SELECT 'industry_unknown', code, NULL FROM enterprise_fact WHERE industry_code IS NULL
    UNION ALL
    SELECT 'district_unknown', code, NULL FROM enterprise_fact WHERE district_code IS NULL
    UNION ALL
    SELECT 'surveyed_undecided', code, NULL
    FROM enterprise_fact
    WHERE operating = 1 AND (fixed_premises IS NULL OR headcount IS NULL) AND coalesce(fixed_premises, 1) = 1
      AND coalesce(
          headcount >= CASE WHEN kind = 'social_organisation' THEN {surveyed_headcount_social} ELSE {surveyed_headcount} END,
          true
      )
    UNION ALL
    SELECT 'eligible_undecided', code, NULL FROM enterprise_fact WHERE eligible IS NULL
    UNION ALL
    SELECT 'above_size_undecided', code, NULL
    FROM enterprise_fact WHERE operating = 1 AND above_designated_size IS NULL
    UNION ALL
    SELECT 'register_differs_from_return', code, members_registered - members_reported
    FROM enterprise_fact
    -- Without any employment there is no register to compare returns with.
    WHERE ({register} OR (SELECT sum(members_registered) FROM enterprise_fact) > 0)
      AND members_registered <> members_reported
    UNION ALL
    SELECT 'check_digit_failed', code, NULL FROM failed_code
    UNION ALL
    SELECT 'headcount_jump', headcount_jump.enterprise_code, headcount_jump.headcount FROM headcount_jump
)
SELECT rule, district_code, industry_code, 'enterprise' AS subject_kind, code AS subject_code, value
FROM enterprise_finding
JOIN enterprise_fact USING (code)
UNION ALL
SELECT 'branch_below_size', district_code, industry_code, 'branch', code, subtree_full_members
FROM branch_fact
WHERE subtree_full_members < {branch_least_full_members}
   OR (kind = 'general_branch' AND subtree_members_participating <= {general_branch_above})
   OR (kind = 'committee' AND subtree_members_participating <= {committee_above})
UNION ALL
SELECT 'members_without_employer', NULL, NULL, 'member', NULL, CAST(sum(members) AS BIGINT)
FROM member_without_employer
UNION ALL
SELECT 'members_of_unregistered_employer', NULL, NULL, 'member', NULL,
    CAST(coalesce(sum(employment_sum.members), 0) AS BIGINT)
FROM employment_sum
LEFT JOIN enterprise_fact ON enterprise_fact.code = employment_sum.enterprise_code
WHERE enterprise_fact.code IS NULL
