SELECT principal_kind, principal, permission_set, role, account_id, service, action, error_code,
       sum(events) AS events, max(last_seen) AS last_seen
FROM aws_activity
WHERE error_code ~ '(AccessDenied|Unauthorized|Forbidden)'
GROUP BY principal_kind, principal, permission_set, role, account_id, service, action, error_code
ORDER BY events DESC, principal, account_id, service, action, error_code, permission_set, role
