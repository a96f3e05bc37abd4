WITH was AS (
  SELECT id, name, type, content::text AS content, synced_at, max(synced_at) OVER () AS newest
  FROM aws_organizations_policies_history
  WHERE NOT aws_managed AND strpos(arn, '/' || $old || '/') > 0
)
SELECT w.id, w.name, w.type
FROM was w
WHERE w.synced_at = w.newest
  AND NOT EXISTS (
    SELECT 1 FROM aws_organizations_policies p
    WHERE p.content::text = w.content AND strpos(p.arn, '/' || $old || '/') = 0)
ORDER BY w.type, w.name, w.id
