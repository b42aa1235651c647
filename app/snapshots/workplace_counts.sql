-- Where the members work who take part in a living branch that has a living secondary affiliation in its subtree: distinct
-- members per branch and place, and of them those with a secondary affiliation there. A place is a registered enterprise (open members alone), `no_employer` or `elsewhere`:
-- withheld, or in an enterprise that is not registered. Withheld identities are in no enterprise.
-- The names in braces are replaced by validated literals.
living_affiliation AS (
    SELECT affiliation.member_ref, affiliation.branch_code, affiliation.role, member.identity
    FROM affiliation
    JOIN living_branch ON living_branch.code = affiliation.branch_code
    JOIN member ON member.ref = affiliation.member_ref
    WHERE affiliation.start_on <= {as_of} AND (affiliation.end_on IS NULL OR affiliation.end_on > {as_of})
      AND {is_member}
),
participant AS (
    SELECT
        living_lineage.ancestor AS branch_code,
        living_affiliation.member_ref,
        living_affiliation.identity,
        max(CASE WHEN living_affiliation.role = 'secondary' THEN 1 ELSE 0 END) AS secondary
    FROM living_affiliation
    JOIN living_lineage ON living_lineage.code = living_affiliation.branch_code
    JOIN joint_branch ON joint_branch.code = living_lineage.ancestor
    GROUP BY living_lineage.ancestor, living_affiliation.member_ref, living_affiliation.identity
),
workplace AS (
    SELECT
        employment.member_ref,
        CASE
            WHEN (enterprise.registered_on IS NULL OR enterprise.registered_on <= {as_of})
                AND (enterprise.closed_on IS NULL OR enterprise.closed_on > {as_of})
            THEN enterprise.code
        END AS enterprise_code
    FROM employment
    JOIN enterprise ON enterprise.code = employment.enterprise_code
    WHERE {is_employed}
),
placed AS (
    SELECT
        participant.branch_code,
        participant.secondary,
        CASE WHEN participant.identity <> 'withheld' THEN workplace.enterprise_code END AS enterprise_code,
        CASE
            WHEN workplace.member_ref IS NULL THEN 'no_employer'
            WHEN participant.identity = 'withheld' OR workplace.enterprise_code IS NULL THEN 'elsewhere'
            ELSE 'enterprise'
        END AS place
    FROM participant
    LEFT JOIN workplace ON workplace.member_ref = participant.member_ref
),
workplace_count AS (
    SELECT branch_code, place, enterprise_code, count(*) AS members, CAST(sum(secondary) AS BIGINT) AS members_secondary
    FROM placed
    GROUP BY branch_code, place, enterprise_code
)
