-- Members on the date: who takes part in which living branch, who works where, and who began or ceased to in the months of
-- turnover; and where those work who take part in a joint branch: those with one affiliation by their own branch, those with
-- several by each joint branch above it, and of them those with a secondary affiliation there. A place is a registered
-- enterprise (open members alone), `no_employer` or `elsewhere`: withheld, or in an enterprise that is not registered.
-- Sums are those of a part of the members; whoever reads them adds them up. Withheld identities are in no enterprise.
-- The same text runs on every engine. The names in braces are replaced by validated literals.
open_member AS (
    SELECT
        ref,
        CASE WHEN identity = 'withheld' THEN 1 ELSE 0 END AS withheld,
        CASE WHEN full_since <= {as_of} THEN 1 ELSE 0 END AS full_members,
        CASE WHEN joined_on > {turnover_since} THEN 1 ELSE 0 END AS members_admitted,
        CASE WHEN floating_since <= {as_of} AND (floating_until IS NULL OR floating_until > {as_of}) THEN 1 ELSE 0 END
            AS members_floating,
        CASE WHEN {year} - birth_year <= 35 THEN 1 ELSE 0 END AS members_under_36,
        CASE WHEN sex = 'female' THEN 1 ELSE 0 END AS members_women,
        CASE WHEN education IN ({college}) THEN 1 ELSE 0 END AS members_college,
        CASE WHEN birth_year IS NULL THEN 1 ELSE 0 END AS members_under_36_unknown,
        CASE WHEN sex IS NULL THEN 1 ELSE 0 END AS members_women_unknown,
        CASE WHEN education IS NULL THEN 1 ELSE 0 END AS members_college_unknown
    FROM member
    WHERE {is_member}
),
living_affiliation AS (
    SELECT
        open_member.*,
        affiliation.branch_code,
        affiliation.role,
        CASE WHEN living_branch.dual_affiliation THEN 1 ELSE 0 END AS dual_affiliation
    FROM affiliation
    JOIN living_branch ON living_branch.code = affiliation.branch_code
    JOIN open_member ON open_member.ref = affiliation.member_ref
    WHERE affiliation.start_on <= {as_of} AND (affiliation.end_on IS NULL OR affiliation.end_on > {as_of})
),
member_ties AS (
    SELECT ref, count(*) AS ties, max(CASE WHEN role = 'secondary' THEN 1 ELSE 0 END) AS dual
    FROM living_affiliation
    GROUP BY ref
    HAVING count(*) > 1 OR max(CASE WHEN role = 'secondary' THEN 1 ELSE 0 END) = 1
),
branch_member AS (
    SELECT
        living_affiliation.branch_code,
        living_affiliation.ref AS member_ref,
        CASE WHEN member_ties.ties > 1 THEN 0 ELSE 1 END AS tied_once,
        living_affiliation.role,
        living_affiliation.dual_affiliation,
        withheld,
        full_members,
        coalesce(member_ties.dual, 0) AS members_dual,
        members_floating,
        members_under_36,
        members_women,
        members_college,
        members_under_36_unknown,
        members_women_unknown,
        members_college_unknown
    FROM living_affiliation
    LEFT JOIN member_ties ON member_ties.ref = living_affiliation.ref
),
affiliation_sum AS (
    SELECT
        branch_code AS code,
        tied_once,
        count(CASE WHEN role = 'primary' THEN 1 END) AS members_primary,
        count(CASE WHEN role = 'secondary' THEN 1 END) AS members_secondary,
        count(*) AS members_participating,
        count(nullif(full_members, 0)) AS full_members,
        count(nullif(members_dual, 0)) AS members_dual,
        count(nullif(members_floating, 0)) AS members_floating,
        count(nullif(members_under_36, 0)) AS members_under_36,
        count(nullif(members_women, 0)) AS members_women,
        count(nullif(members_college, 0)) AS members_college,
        count(nullif(members_under_36_unknown, 0)) AS members_under_36_unknown,
        count(nullif(members_women_unknown, 0)) AS members_women_unknown,
        count(nullif(members_college_unknown, 0)) AS members_college_unknown
    FROM branch_member
    GROUP BY branch_code, tied_once
),
secondary_member AS (
    SELECT member_ref, max(dual_affiliation) AS reached
    FROM branch_member
    WHERE role = 'secondary'
    GROUP BY member_ref
),
working_member AS (
    SELECT
        employment.enterprise_code,
        withheld,
        full_members,
        members_admitted,
        CASE WHEN secondary_member.member_ref IS NOT NULL THEN 1 ELSE 0 END AS members_dual,
        CASE WHEN secondary_member.reached = 1 THEN 1 ELSE 0 END AS members_reached,
        members_floating,
        members_under_36,
        members_women,
        members_college,
        members_under_36_unknown,
        members_women_unknown,
        members_college_unknown
    FROM employment
    JOIN open_member ON open_member.ref = employment.member_ref
    LEFT JOIN secondary_member ON secondary_member.member_ref = employment.member_ref
    WHERE {is_employed}
),
employment_sum AS (
    SELECT
        enterprise_code,
        withheld,
        count(*) AS members,
        count(nullif(full_members, 0)) AS full_members,
        count(nullif(members_admitted, 0)) AS members_admitted,
        count(nullif(members_dual, 0)) AS members_dual,
        count(nullif(members_reached, 0)) AS members_reached,
        count(nullif(members_floating, 0)) AS members_floating,
        count(nullif(members_under_36, 0)) AS members_under_36,
        count(nullif(members_women, 0)) AS members_women,
        count(nullif(members_college, 0)) AS members_college,
        count(nullif(members_under_36_unknown, 0)) AS members_under_36_unknown,
        count(nullif(members_women_unknown, 0)) AS members_women_unknown,
        count(nullif(members_college_unknown, 0)) AS members_college_unknown
    FROM working_member
    GROUP BY enterprise_code, withheld
),
secondary_employment AS (
    SELECT DISTINCT employment.enterprise_code, branch_member.branch_code
    FROM branch_member
    JOIN employment ON employment.member_ref = branch_member.member_ref
    WHERE branch_member.role = 'secondary' AND branch_member.withheld = 0 AND {is_employed}
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
    FROM open_member
    WHERE ref NOT IN (SELECT member_ref FROM employment WHERE {is_employed})
),
unregistered_enterprise AS (
    SELECT code FROM enterprise WHERE registered_on > {as_of} OR closed_on <= {as_of}
),
participant AS (
    SELECT branch_code, tied_once, member_ref, withheld, CASE WHEN role = 'secondary' THEN 1 ELSE 0 END AS secondary
    FROM branch_member
    WHERE tied_once = 1 AND branch_code IN (SELECT code FROM joint_lineage)
    UNION ALL
    SELECT joint_lineage.ancestor, tied_once, member_ref, withheld, max(CASE WHEN role = 'secondary' THEN 1 ELSE 0 END)
    FROM branch_member
    JOIN joint_lineage ON joint_lineage.code = branch_member.branch_code
    WHERE tied_once = 0
    GROUP BY joint_lineage.ancestor, tied_once, member_ref, withheld
),
workplace AS (
    SELECT
        employment.member_ref,
        CASE WHEN unregistered_enterprise.code IS NULL THEN employment.enterprise_code END AS enterprise_code
    FROM employment
    LEFT JOIN unregistered_enterprise ON unregistered_enterprise.code = employment.enterprise_code
    WHERE {is_employed}
),
placed AS (
    SELECT
        participant.branch_code,
        participant.tied_once,
        participant.secondary,
        CASE WHEN participant.withheld = 0 THEN workplace.enterprise_code END AS enterprise_code,
        CASE
            WHEN workplace.member_ref IS NULL THEN 'no_employer'
            WHEN participant.withheld = 1 OR workplace.enterprise_code IS NULL THEN 'elsewhere'
            ELSE 'enterprise'
        END AS place
    FROM participant
    LEFT JOIN workplace ON workplace.member_ref = participant.member_ref
),
workplace_sum AS (
    SELECT
        branch_code, tied_once, place, enterprise_code, count(*) AS members,
        CAST(sum(secondary) AS BIGINT) AS members_secondary
    FROM placed
    GROUP BY branch_code, tied_once, place, enterprise_code
)
