WITH policies AS (
  SELECT r.role_name, a.inline_name AS policy, a.inline_document::text AS document
  FROM aws_iam_roles r
  JOIN aws_organizations o ON o.master_account_id = r.role_account_id
  JOIN aws_iam_policy_attachments a ON a.entity_cq_id = r.cq_id
  WHERE a.inline_name IS NOT NULL AND strpos(',' || $roles || ',', ',' || r.role_name || ',') > 0
  UNION ALL
  SELECT r.role_name, p.policy_name, p.document::text
  FROM aws_iam_roles r
  JOIN aws_organizations o ON o.master_account_id = r.role_account_id
  JOIN aws_iam_policy_attachments a ON a.entity_cq_id = r.cq_id
  JOIN aws_iam_policies p ON p.policy_account_id = r.role_account_id AND p.policy_arn = a.attached_policy_arn
  WHERE strpos(',' || $roles || ',', ',' || r.role_name || ',') > 0
), listed AS (
  -- one statement may stand without its list
  SELECT role_name, policy, CASE WHEN list LIKE '[%' THEN list ELSE '[' || list || ']' END AS list
  FROM (SELECT role_name, policy, (document::jsonb -> 'Statement')::text AS list FROM policies) p
), statements AS (
  SELECT role_name, policy, s ->> 'Effect' AS effect, lower((s -> 'Action')::text) AS actions, lower((s -> 'NotAction')::text) AS others,
         (s -> 'Resource')::text IN ('"*"', '["*"]') AND s -> 'Condition' IS NULL AS everywhere
  FROM (SELECT role_name, policy, jsonb_array_elements(list::jsonb) AS s FROM listed) l
), allowed AS (
  SELECT role_name, policy, jsonb_array_elements_text((CASE WHEN actions LIKE '[%' THEN actions ELSE '[' || actions || ']' END)::jsonb) AS action
  FROM statements WHERE effect = 'Allow' AND actions IS NOT NULL
  UNION ALL
  SELECT role_name, policy, 'all but ' || others FROM statements WHERE effect = 'Allow' AND others IS NOT NULL
), denied AS (
  -- all that is not billing is denied
  SELECT DISTINCT role_name FROM statements
  WHERE effect = 'Deny' AND everywhere
    AND (actions ~ '"[*]"' OR regexp_replace(others, '"(aws-portal|billing|ce|cur|payments|tax|invoicing):[^"]*"', '', 'g') !~ '"')
)
SELECT a.role_name, a.policy, a.action
FROM allowed a
LEFT JOIN denied d ON d.role_name = a.role_name
WHERE a.action !~ '^(aws-portal|billing|ce|cur|payments|tax|invoicing):' AND d.role_name IS NULL
GROUP BY a.role_name, a.policy, a.action
ORDER BY a.role_name, a.policy, a.action
