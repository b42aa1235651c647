-- Where the members of joint branches work: their counts of workplaces, for each branch and place together.
SELECT
    branch_code, place, enterprise_code, CAST(sum(members) AS BIGINT) AS members,
    CAST(sum(members_secondary) AS BIGINT) AS members_secondary
FROM workplace_count
GROUP BY branch_code, place, enterprise_code
