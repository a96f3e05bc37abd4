, services AS (
  SELECT column1 AS service, column2 AS some, column3 AS every
  FROM (VALUES
    ('aws-portal', '"([*]|aws-portal:[^"]*)"', '"([*]|aws-portal:[*])"'),
    ('billing', '"([*]|billing:[^"]*)"', '"([*]|billing:[*])"'),
    ('ce', '"([*]|ce:[^"]*)"', '"([*]|ce:[*])"'),
    ('cur', '"([*]|cur:[^"]*)"', '"([*]|cur:[*])"'),
    ('payments', '"([*]|payments:[^"]*)"', '"([*]|payments:[*])"'),
    ('tax', '"([*]|tax:[^"]*)"', '"([*]|tax:[*])"'),
    ('invoicing', '"([*]|invoicing:[^"]*)"', '"([*]|invoicing:[*])"'),
    ('account:*BillingInfo', '"([*]|account:([*]|[^"]*billinginfo))"', '"([*]|account:[*]|account:[*]billinginfo)"')) v
), denied AS (
  SELECT DISTINCT d.role_name, v.service
  FROM statements d CROSS JOIN services v
  WHERE d.effect = 'Deny' AND d.everywhere AND (d.actions ~ v.every OR d.others !~ v.some)
)
SELECT s.role_name, s.policy, v.service
FROM statements s
CROSS JOIN services v
LEFT JOIN denied d ON d.role_name = s.role_name AND d.service = v.service
WHERE s.effect = 'Allow' AND (s.actions ~ v.some OR s.others !~ v.every) AND d.service IS NULL
GROUP BY s.role_name, s.policy, v.service
ORDER BY s.role_name, s.policy, v.service
