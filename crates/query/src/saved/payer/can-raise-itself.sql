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
), entries AS (
  SELECT role_name, policy, effect, everywhere, is_other, whole,
         '^' || replace(replace(jsonb_array_elements_text(whole::jsonb), '*', '.*'), '?', '.') || '$' AS pattern
  FROM (
    SELECT role_name, policy, effect, everywhere, others IS NOT NULL AS is_other,
           CASE WHEN coalesce(actions, others) LIKE '[%' THEN coalesce(actions, others) ELSE '[' || coalesce(actions, others) || ']' END AS whole
    FROM statements) s
), raising AS (
  SELECT column1 AS action
  FROM (VALUES ('iam:createrole'), ('iam:attachrolepolicy'), ('iam:putrolepolicy'), ('iam:updateassumerolepolicy'), ('iam:createpolicy'),
    ('iam:createpolicyversion'), ('iam:setdefaultpolicyversion'), ('iam:putrolepermissionsboundary'), ('iam:updaterole'),
    ('iam:createuser'), ('iam:attachuserpolicy'), ('iam:putuserpolicy')) v
), held AS (
  SELECT e.role_name, e.policy, e.effect, e.everywhere, e.is_other, e.whole, r.action, bool_or(r.action ~ e.pattern) AS is_named
  FROM entries e CROSS JOIN raising r
  GROUP BY e.role_name, e.policy, e.effect, e.everywhere, e.is_other, e.whole, r.action
), denied AS (
  SELECT DISTINCT role_name, action FROM held WHERE effect = 'Deny' AND everywhere AND is_named <> is_other
)
SELECT h.role_name, h.policy, h.action
FROM held h
LEFT JOIN denied d ON d.role_name = h.role_name AND d.action = h.action
WHERE h.effect = 'Allow' AND h.is_named <> h.is_other AND d.action IS NULL
GROUP BY h.role_name, h.policy, h.action
ORDER BY h.role_name, h.policy, h.action
