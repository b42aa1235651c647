-- Who works where on the date, and who began or ceased to in the months of turnover: rows by member and enterprise.
-- The same text runs on every engine. The names in braces are replaced by validated literals.
open_membership AS (
    SELECT ref, joined_on, full_since, birth_year, sex, education, identity, floating_since, floating_until
    FROM member
    WHERE {is_member}
),
secondary_member AS (
    SELECT affiliation.member_ref, max(CASE WHEN living_branch.dual_affiliation THEN 1 ELSE 0 END) AS reached
    FROM affiliation
    JOIN living_branch ON living_branch.code = affiliation.branch_code
    WHERE affiliation.role = 'secondary'
      AND affiliation.start_on <= {as_of} AND (affiliation.end_on IS NULL OR affiliation.end_on > {as_of})
    GROUP BY affiliation.member_ref
),
working_member AS (
    SELECT
        employment.enterprise_code,
        CASE WHEN identity = 'withheld' THEN 1 ELSE 0 END AS withheld,
        CASE WHEN full_since <= {as_of} THEN 1 ELSE 0 END AS full_members,
        CASE WHEN joined_on > {turnover_since} THEN 1 ELSE 0 END AS members_admitted,
        CASE WHEN secondary_member.member_ref IS NOT NULL THEN 1 ELSE 0 END AS members_dual,
        CASE WHEN secondary_member.reached = 1 THEN 1 ELSE 0 END AS members_reached,
        CASE WHEN floating_since <= {as_of} AND (floating_until IS NULL OR floating_until > {as_of}) THEN 1 ELSE 0 END
            AS members_floating,
        CASE WHEN {year} - birth_year <= 35 THEN 1 ELSE 0 END AS members_under_36,
        CASE WHEN sex = 'female' THEN 1 ELSE 0 END AS members_women,
        CASE WHEN education IN ({college}) THEN 1 ELSE 0 END AS members_college,
        CASE WHEN birth_year IS NULL THEN 1 ELSE 0 END AS members_under_36_unknown,
        CASE WHEN sex IS NULL THEN 1 ELSE 0 END AS members_women_unknown,
        CASE WHEN education IS NULL THEN 1 ELSE 0 END AS members_college_unknown
    FROM employment
    JOIN open_membership ON open_membership.ref = employment.member_ref
    LEFT JOIN secondary_member ON secondary_member.member_ref = employment.member_ref
    WHERE {is_employed}
),
employment_spell AS (
    SELECT
        employment.enterprise_code,
        employment.start_on,
        employment.end_on,
        member.joined_on,
        member.left_on,
        CASE WHEN employment.start_on > member.joined_on THEN employment.start_on ELSE member.joined_on END AS begins_on,
        CASE WHEN employment.end_on IS NULL OR member.left_on < employment.end_on THEN member.left_on ELSE employment.end_on END
            AS ceases_on,
        CASE WHEN earlier.member_ref IS NOT NULL AND member.joined_on < employment.start_on THEN 1 ELSE 0 END AS continues,
        CASE
            WHEN later.member_ref IS NOT NULL AND (member.left_on IS NULL OR member.left_on > employment.end_on) THEN 1 ELSE 0
        END AS continued
    FROM employment
    JOIN member ON member.ref = employment.member_ref AND member.identity <> 'withheld'
    LEFT JOIN employment AS earlier
        ON earlier.member_ref = employment.member_ref
        AND earlier.enterprise_code = employment.enterprise_code
        AND earlier.end_on = employment.start_on
    LEFT JOIN employment AS later
        ON later.member_ref = employment.member_ref
        AND later.enterprise_code = employment.enterprise_code
        AND later.start_on = employment.end_on
),
member_turnover AS (
    SELECT
        enterprise_code,
        CASE WHEN continues = 0 AND begins_on > {turnover_since} AND begins_on <= {as_of} THEN 1 ELSE 0 END AS joined,
        CASE WHEN continued = 0 AND ceases_on > {turnover_since} AND ceases_on <= {as_of} THEN 1 ELSE 0 END AS ceased
    FROM employment_spell
    WHERE (ceases_on IS NULL OR begins_on < ceases_on) AND (begins_on > {turnover_since} OR ceases_on > {turnover_since})
),
member_without_employer AS (
    SELECT count(*) AS members
    FROM open_membership
    WHERE ref NOT IN (SELECT member_ref FROM employment WHERE {is_employed})
)
