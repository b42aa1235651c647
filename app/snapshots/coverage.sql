-- Living coverage rows of enterprises registered on the date, whether their branch is living or not.
-- The names in braces are replaced by validated literals.
SELECT
    enterprise_coverage.enterprise_code, enterprise_coverage.branch_code, enterprise_coverage.means,
    enterprise_coverage.start_on
FROM enterprise_coverage
JOIN enterprise ON enterprise.code = enterprise_coverage.enterprise_code
WHERE enterprise_coverage.start_on <= {as_of} AND (enterprise_coverage.end_on IS NULL OR enterprise_coverage.end_on > {as_of})
  AND (enterprise.registered_on IS NULL OR enterprise.registered_on <= {as_of})
  AND (enterprise.closed_on IS NULL OR enterprise.closed_on > {as_of})
