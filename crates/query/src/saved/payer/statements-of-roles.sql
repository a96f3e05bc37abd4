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
)