, allowed AS (
  SELECT role_name, policy, jsonb_array_elements_text((CASE WHEN actions LIKE '[%' THEN actions ELSE '[' || actions || ']' END)::jsonb) AS action
  FROM statements WHERE effect = 'Allow' AND actions IS NOT NULL
  UNION ALL
  SELECT role_name, policy, 'all but ' || others FROM statements WHERE effect = 'Allow' AND others IS NOT NULL
), denied AS (
  -- all that is not billing is denied
  SELECT DISTINCT role_name FROM statements
  WHERE effect = 'Deny' AND everywhere
    AND (actions ~ '"[*](:[*])?"'
      OR regexp_replace(others, '"((aws-portal|billing|ce|cur|payments|tax|invoicing):[^"]*|account:[^"]*billinginfo)"', '', 'g') !~ '"')
)
SELECT a.role_name, a.policy, a.action
FROM allowed a
LEFT JOIN denied d ON d.role_name = a.role_name
WHERE a.action !~ '^((aws-portal|billing|ce|cur|payments|tax|invoicing):|account:.*billinginfo$)' AND d.role_name IS NULL
GROUP BY a.role_name, a.policy, a.action
ORDER BY a.role_name, a.policy, a.action
