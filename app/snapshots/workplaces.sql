-- Where the members of joint branches work, for each branch and place together: those with one affiliation are summed up
-- the tree, the others are there already.
WITH
own_workplace AS (
    SELECT branch_code, place, enterprise_code, sum(members) AS members, sum(members_secondary) AS members_secondary
    FROM workplace_sum
    WHERE tied_once = 1
    GROUP BY branch_code, place, enterprise_code
),
joint_workplace AS (
    SELECT joint_lineage.ancestor AS branch_code, place, enterprise_code, members, members_secondary
    FROM own_workplace
    JOIN joint_lineage ON joint_lineage.code = own_workplace.branch_code
    UNION ALL
    SELECT branch_code, place, enterprise_code, members, members_secondary
    FROM workplace_sum
    WHERE tied_once = 0
)
SELECT
    branch_code, place, enterprise_code, CAST(sum(members) AS BIGINT) AS members,
    CAST(sum(members_secondary) AS BIGINT) AS members_secondary
FROM joint_workplace
GROUP BY branch_code, place, enterprise_code
