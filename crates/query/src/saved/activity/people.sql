SELECT principal, user_id, permission_set, account_id, min(day) AS first_day, max(day) AS last_day,
       count(DISTINCT day) AS days, sum(events) AS events,
       sum(events) FILTER (WHERE is_write) AS writes, sum(events) FILTER (WHERE error_code IS NOT NULL) AS refused
FROM aws_activity
WHERE principal_kind = 'person' AND permission_set IS NOT NULL
GROUP BY principal, user_id, permission_set, account_id
ORDER BY principal, permission_set, account_id, user_id
