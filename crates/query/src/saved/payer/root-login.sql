SELECT a.account_id, min(a.first_seen) AS first_seen, max(a.last_seen) AS last_seen, sum(a.events) AS events,
       a.error_code, a.source_addresses
FROM aws_activity a
JOIN aws_organizations o ON o.master_account_id = a.account_id
WHERE a.principal_kind = 'root' AND a.service = 'signin' AND a.action = 'ConsoleLogin'
  AND a.last_seen > now() - interval '1 day'
GROUP BY a.account_id, a.error_code, a.source_addresses
ORDER BY last_seen, a.account_id, a.error_code
