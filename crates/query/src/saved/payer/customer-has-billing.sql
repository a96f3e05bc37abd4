, services AS (
  SELECT column1 AS service, column2 AS prefix, column3 AS named, column4 AS whole_service, column5 AS example
  FROM (VALUES
    ('aws-portal', 'aws-portal', '', '^[*]+$', ''),
    ('billing', 'billing', '', '^[*]+$', ''),
    ('ce', 'ce', '', '^[*]+$', ''),
    ('cur', 'cur', '', '^[*]+$', ''),
    ('payments', 'payments', '', '^[*]+$', ''),
    ('tax', 'tax', '', '^[*]+$', ''),
    ('invoicing', 'invoicing', '', '^[*]+$', ''),
    ('account:*BillingInfo', 'account', 'billinginfo$', '^[*]+(billinginfo)?$', 'getbillinginfo')) v
), entries AS (
  -- `*` alone is every action of every service
  SELECT role_name, policy, effect, everywhere, is_other, whole,
         CASE WHEN entry = '*' THEN '*' ELSE split_part(entry, ':', 1) END AS prefix,
         CASE WHEN entry = '*' THEN '*' ELSE split_part(entry, ':', 2) END AS action
  FROM (
    SELECT role_name, policy, effect, everywhere, is_other, whole, jsonb_array_elements_text(whole::jsonb) AS entry
    FROM (
      SELECT role_name, policy, effect, everywhere, others IS NOT NULL AS is_other,
             CASE WHEN coalesce(actions, others) LIKE '[%' THEN coalesce(actions, others) ELSE '[' || coalesce(actions, others) || ']' END AS whole
      FROM statements) s) e
), patterns AS (
  SELECT role_name, policy, effect, everywhere, is_other, whole, action,
         '^' || replace(replace(prefix, '*', '.*'), '?', '.') || '$' AS prefix,
         '^' || replace(replace(action, '*', '.*'), '?', '.') || '$' AS pattern
  FROM entries
), held AS (
  SELECT p.role_name, p.policy, p.effect, p.everywhere, p.is_other, p.whole, v.service,
         bool_or(v.prefix ~ p.prefix AND (p.action ~ v.named OR v.example ~ p.pattern)) AS names_some,
         bool_or(v.prefix ~ p.prefix AND p.action ~ v.whole_service) AS names_all
  FROM patterns p CROSS JOIN services v
  GROUP BY p.role_name, p.policy, p.effect, p.everywhere, p.is_other, p.whole, v.service
), denied AS (
  SELECT DISTINCT role_name, service FROM held
  WHERE effect = 'Deny' AND everywhere AND CASE WHEN is_other THEN NOT names_some ELSE names_all END
)
SELECT h.role_name, h.policy, h.service
FROM held h
LEFT JOIN denied d ON d.role_name = h.role_name AND d.service = h.service
WHERE h.effect = 'Allow' AND CASE WHEN h.is_other THEN NOT h.names_all ELSE h.names_some END AND d.service IS NULL
GROUP BY h.role_name, h.policy, h.service
ORDER BY h.role_name, h.policy, h.service
