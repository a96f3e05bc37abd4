, entries AS (
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
