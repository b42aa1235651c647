-- One row per enterprise registered on the date: its state, and every measure that is a sum over enterprises.
-- The same text runs on every engine. The names in braces are replaced by validated literals.
WITH
registered AS (
    SELECT code, name, kind, registered_on, closed_on, district_code, industry_code
    FROM enterprise
    WHERE (registered_on IS NULL OR registered_on <= {as_of}) AND (closed_on IS NULL OR closed_on > {as_of})
),
past_return AS (
    SELECT enterprise_return.*, row_number() OVER (PARTITION BY enterprise_code ORDER BY reported_on DESC) AS age
    FROM enterprise_return
    WHERE reported_on <= {as_of}
),
latest_return AS (
    SELECT * FROM past_return WHERE age = 1
),
stated_part AS (
    SELECT
        enterprise_code,
        CASE WHEN members = 0 THEN 0 ELSE full_members END AS full_members,
        CASE WHEN members = 0 THEN 0 ELSE members_dual END AS members_dual,
        CASE WHEN members = 0 THEN 0 ELSE members_floating END AS members_floating,
        CASE WHEN members = 0 THEN 0 ELSE members_under_36 END AS members_under_36,
        CASE WHEN members = 0 THEN 0 ELSE members_women END AS members_women,
        CASE WHEN members = 0 THEN 0 ELSE members_college END AS members_college
    FROM latest_return
),
living_coverage AS (
    SELECT enterprise_code, branch_code, means
    FROM enterprise_coverage
    WHERE start_on <= {as_of} AND (end_on IS NULL OR end_on > {as_of})
),
organised_enterprise AS (
    SELECT
        living_coverage.enterprise_code,
        max(CASE WHEN living_coverage.means = 'standalone' THEN 1 ELSE 0 END) AS standalone,
        CASE WHEN max(branch_activity.active) = 1 THEN 1 WHEN count(*) = count(branch_activity.active) THEN 0 END AS active
    FROM living_coverage
    JOIN branch_activity ON branch_activity.code = living_coverage.branch_code
    WHERE living_coverage.means IN ({organisation_means})
    GROUP BY living_coverage.enterprise_code
),
work_reached_enterprise AS (
    SELECT DISTINCT enterprise_code FROM living_coverage WHERE means IN ({work_means})
),
registered_members AS (
    SELECT
        enterprise_code,
        CAST(sum(members) AS BIGINT) AS members,
        CAST(sum(full_members) AS BIGINT) AS full_members,
        CAST(sum(members_admitted) AS BIGINT) AS members_admitted,
        CAST(sum(members_dual) AS BIGINT) AS members_dual,
        CAST(sum(members_reached) AS BIGINT) AS members_reached,
        CAST(sum(members_floating) AS BIGINT) AS members_floating,
        CAST(sum(members_under_36) AS BIGINT) AS members_under_36,
        CAST(sum(members_women) AS BIGINT) AS members_women,
        CAST(sum(members_college) AS BIGINT) AS members_college,
        CAST(sum(members_under_36_unknown) AS BIGINT) AS members_under_36_unknown,
        CAST(sum(members_women_unknown) AS BIGINT) AS members_women_unknown,
        CAST(sum(members_college_unknown) AS BIGINT) AS members_college_unknown
    FROM employment_sum
    WHERE withheld = 0
    GROUP BY enterprise_code
),
withheld_members AS (
    SELECT enterprise_code, CAST(sum(members) AS BIGINT) AS members
    FROM employment_sum
    WHERE withheld = 1
    GROUP BY enterprise_code
),
member_flow AS (
    SELECT
        enterprise_code,
        count(nullif(joined, 0)) AS members_joined,
        count(nullif(ceased, 0)) AS members_left
    FROM member_turnover
    GROUP BY enterprise_code
),
state AS (
    SELECT
        registered.code,
        registered.name,
        registered.kind,
        registered.registered_on,
        registered.closed_on,
        coalesce(latest_return.district_code, registered.district_code) AS district_code,
        coalesce(latest_return.industry_code, registered.industry_code) AS industry_code,
        latest_return.ownership,
        CASE
            WHEN registered.kind = 'social_organisation' THEN 'social'
            WHEN registered.kind = 'institution' THEN 'public'
            WHEN latest_return.ownership IN ({non_public_ownership}) THEN 'non_public'
            WHEN latest_return.ownership IN ({public_ownership}) THEN 'public'
        END AS sector,
        latest_return.size_class,
        latest_return.reported_on,
        CASE WHEN latest_return.fixed_premises THEN 1 WHEN NOT latest_return.fixed_premises THEN 0 END AS fixed_premises,
        CASE WHEN latest_return.above_designated_size THEN 1 WHEN NOT latest_return.above_designated_size THEN 0 END
            AS above_designated_size,
        CASE WHEN latest_return.enterprise_code IS NULL OR NOT latest_return.operating THEN 0 ELSE 1 END AS is_operating,
        CASE WHEN latest_return.reported_on > {return_since} THEN 1 ELSE 0 END AS is_reporting,
        CASE WHEN organised_enterprise.enterprise_code IS NULL THEN 0 ELSE 1 END AS organised,
        coalesce(organised_enterprise.standalone, 0) AS standalone,
        CASE WHEN organised_enterprise.enterprise_code IS NULL THEN 0 ELSE organised_enterprise.active END
            AS effectively_organised,
        CASE WHEN work_reached_enterprise.enterprise_code IS NULL THEN 0 ELSE 1 END AS work_reached,
        latest_return.headcount,
        latest_return.headcount_under_36,
        latest_return.headcount_women,
        latest_return.headcount_college,
        CASE WHEN {register} THEN coalesce(registered_members.members, 0) ELSE latest_return.members END AS members,
        CASE WHEN {register} THEN coalesce(registered_members.full_members, 0) ELSE stated_part.full_members END AS full_members,
        CASE WHEN {register} THEN coalesce(registered_members.members_dual, 0) ELSE stated_part.members_dual END AS members_dual,
        CASE WHEN {register} THEN coalesce(registered_members.members_reached, 0) ELSE stated_part.members_dual END AS members_reached,
        CASE WHEN {register} THEN coalesce(registered_members.members_floating, 0) ELSE stated_part.members_floating END AS members_floating,
        CASE WHEN {register} THEN coalesce(registered_members.members_under_36, 0) ELSE stated_part.members_under_36 END AS members_under_36,
        CASE WHEN {register} THEN coalesce(registered_members.members_women, 0) ELSE stated_part.members_women END AS members_women,
        CASE WHEN {register} THEN coalesce(registered_members.members_college, 0) ELSE stated_part.members_college END AS members_college,
        CASE WHEN {register} THEN coalesce(registered_members.members_under_36_unknown, 0) ELSE 0 END AS age_unknown,
        CASE WHEN {register} THEN coalesce(registered_members.members_women_unknown, 0) ELSE 0 END AS sex_unknown,
        CASE WHEN {register} THEN coalesce(registered_members.members_college_unknown, 0) ELSE 0 END AS education_unknown,
        coalesce(registered_members.members_admitted, 0) AS members_admitted,
        coalesce(registered_members.members, 0) AS members_registered,
        coalesce(registered_members.members - registered_members.members_dual, 0) AS members_without_dual,
        latest_return.members AS members_reported,
        coalesce(withheld_members.members, 0) AS members_withheld,
        coalesce(member_flow.members_joined, 0) AS members_joined,
        coalesce(member_flow.members_left, 0) AS members_left
    FROM registered
    LEFT JOIN latest_return ON latest_return.enterprise_code = registered.code
    LEFT JOIN stated_part ON stated_part.enterprise_code = registered.code
    LEFT JOIN organised_enterprise ON organised_enterprise.enterprise_code = registered.code
    LEFT JOIN work_reached_enterprise ON work_reached_enterprise.enterprise_code = registered.code
    LEFT JOIN registered_members ON registered_members.enterprise_code = registered.code
    LEFT JOIN withheld_members ON withheld_members.enterprise_code = registered.code
    LEFT JOIN member_flow ON member_flow.enterprise_code = registered.code
),
flagged AS (
    SELECT
        state.*,
        CASE WHEN members_reached >= 1 THEN 1 ELSE 0 END AS reached_by_dual,
        CASE
            WHEN is_operating = 0 THEN 0
            WHEN full_members >= {eligible_full_members} THEN 1
            WHEN full_members < {eligible_full_members} OR members < {eligible_full_members} THEN 0
        END AS eligible,
        CASE
            WHEN is_operating = 1 AND fixed_premises = 1
                AND headcount >= CASE WHEN kind = 'social_organisation' THEN {surveyed_headcount_social} ELSE {surveyed_headcount} END
            THEN 1 ELSE 0
        END AS is_surveyed,
        CASE WHEN is_operating = 1 AND above_designated_size = 1 THEN 1 ELSE 0 END AS is_above_size,
        CASE WHEN members IS NULL THEN NULL WHEN headcount >= 1 THEN 1 WHEN headcount = 0 THEN 0 END AS matched,
        CASE
            WHEN members_under_36 IS NULL OR age_unknown > 0 THEN NULL
            WHEN headcount_under_36 >= 1 THEN 1
            WHEN headcount_under_36 = 0 THEN 0
        END AS under_36_matched,
        CASE
            WHEN members_women IS NULL OR sex_unknown > 0 THEN NULL
            WHEN headcount_women >= 1 THEN 1
            WHEN headcount_women = 0 THEN 0
        END AS women_matched,
        CASE
            WHEN members_college IS NULL OR education_unknown > 0 THEN NULL
            WHEN headcount_college >= 1 THEN 1
            WHEN headcount_college = 0 THEN 0
        END AS college_matched
    FROM state
)
SELECT
    code, name, kind, registered_on, closed_on, district_code, industry_code, ownership, sector, size_class, reported_on,
    fixed_premises, above_designated_size,
    is_operating AS operating, is_surveyed, is_above_size, organised, standalone, effectively_organised, reached_by_dual,
    work_reached, eligible,
    organised AS enterprises_organised,
    standalone AS enterprises_standalone,
    CASE WHEN organised = 1 THEN 0 ELSE reached_by_dual END AS enterprises_reached_by_dual,
    CASE WHEN organised = 0 AND reached_by_dual = 0 THEN work_reached ELSE 0 END AS enterprises_work_only,
    effectively_organised AS enterprises_organised_active,
    CASE WHEN effectively_organised IS NULL THEN 1 ELSE 0 END AS enterprises_activity_unknown,
    CASE WHEN members >= 1 THEN 1 WHEN members = 0 THEN 0 END AS enterprises_with_members,
    eligible AS enterprises_eligible,
    eligible * organised AS enterprises_eligible_organised,
    eligible * standalone AS enterprises_eligible_standalone,
    CASE WHEN eligible IS NULL THEN 1 ELSE 0 END AS enterprises_eligible_unknown,
    is_reporting AS enterprises_reporting,
    CASE WHEN headcount IS NULL THEN 1 ELSE 0 END AS enterprises_headcount_unknown,
    CASE WHEN members IS NULL THEN 1 ELSE 0 END AS enterprises_members_unknown,
    headcount,
    CASE WHEN organised = 1 THEN headcount ELSE 0 END AS headcount_organised,
    CAST(headcount AS BIGINT) * headcount AS headcount_squared,
    headcount_under_36,
    headcount_women,
    headcount_college,
    CASE WHEN headcount_under_36 IS NULL THEN 0 ELSE headcount END AS headcount_under_36_known,
    CASE WHEN headcount_women IS NULL THEN 0 ELSE headcount END AS headcount_women_known,
    CASE WHEN headcount_college IS NULL THEN 0 ELSE headcount END AS headcount_college_known,
    members,
    full_members,
    members - full_members AS probationary_members,
    CASE WHEN {register} THEN members_admitted END AS members_admitted,
    CAST(members AS BIGINT) * members AS members_squared,
    CASE WHEN matched = 1 THEN members WHEN matched = 0 THEN 0 END AS members_matched,
    CASE WHEN matched = 1 THEN headcount WHEN matched = 0 THEN 0 END AS headcount_matched,
    CASE WHEN matched = 1 THEN CAST(headcount AS BIGINT) * headcount WHEN matched = 0 THEN 0 END AS headcount_matched_squared,
    CASE WHEN under_36_matched = 1 THEN members_under_36 WHEN under_36_matched = 0 THEN 0 END AS members_under_36_matched,
    CASE WHEN under_36_matched = 1 THEN headcount_under_36 WHEN under_36_matched = 0 THEN 0 END AS headcount_under_36_matched,
    CASE WHEN women_matched = 1 THEN members_women WHEN women_matched = 0 THEN 0 END AS members_women_matched,
    CASE WHEN women_matched = 1 THEN headcount_women WHEN women_matched = 0 THEN 0 END AS headcount_women_matched,
    CASE WHEN college_matched = 1 THEN members_college WHEN college_matched = 0 THEN 0 END AS members_college_matched,
    CASE WHEN college_matched = 1 THEN headcount_college WHEN college_matched = 0 THEN 0 END AS headcount_college_matched,
    members_dual,
    CASE WHEN organised = 0 THEN members ELSE 0 END AS members_unorganised,
    CASE WHEN organised = 0 THEN CAST(members AS BIGINT) * members ELSE 0 END AS members_unorganised_squared,
    CASE WHEN organised = 0 THEN members_dual ELSE 0 END AS members_reached_by_dual,
    CASE WHEN organised = 0 THEN members - members_dual ELSE 0 END AS members_unreached,
    members_floating,
    members_under_36,
    members_women,
    members_college,
    CASE WHEN full_members IS NOT NULL THEN 0 ELSE members END AS full_members_unknown,
    CASE WHEN members_dual IS NOT NULL THEN 0 ELSE members END AS members_dual_unknown,
    CASE WHEN organised = 1 OR members_dual IS NOT NULL THEN 0 ELSE members END AS members_reached_by_dual_unknown,
    CASE WHEN members_floating IS NOT NULL THEN 0 ELSE members END AS members_floating_unknown,
    CASE WHEN {register} THEN age_unknown WHEN members_under_36 IS NULL THEN members ELSE 0 END AS members_under_36_unknown,
    CASE WHEN {register} THEN sex_unknown WHEN members_women IS NULL THEN members ELSE 0 END AS members_women_unknown,
    CASE WHEN {register} THEN education_unknown WHEN members_college IS NULL THEN members ELSE 0 END AS members_college_unknown,
    members_reported,
    CASE
        WHEN matched = 0 THEN 0
        WHEN matched = 1 AND members_reported > members_registered THEN members_reported
        WHEN matched = 1 THEN members_registered
    END AS members_max,
    CASE WHEN {register} THEN members_joined END AS members_joined,
    CASE WHEN {register} THEN members_left END AS members_left,
    CASE WHEN {register} THEN members_withheld END AS members_withheld,
    members_registered,
    members_without_dual
FROM flagged
