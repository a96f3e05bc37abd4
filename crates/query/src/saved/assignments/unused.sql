WITH held AS (
    SELECT a.account_id, a.permission_set_arn, a.principal_type, a.principal_id, u.user_id, u.idc_user_name AS user_name
    FROM aws_ssoadmin_account_assignments a
    JOIN aws_identitystore_users u ON u.user_id = a.principal_id
    WHERE a.principal_type = 'USER'
    UNION ALL
    SELECT a.account_id, a.permission_set_arn, a.principal_type, a.principal_id, u.user_id, u.idc_user_name AS user_name
    FROM aws_ssoadmin_account_assignments a
    JOIN aws_identitystore_group_memberships m ON m.group_id = a.principal_id
    JOIN aws_identitystore_users u ON u.user_id = m.member_user_id
    WHERE a.principal_type = 'GROUP'
), used AS (
    SELECT account_id, permission_set, user_id, lower(principal) AS person
    FROM aws_activity
    WHERE principal_kind = 'person' AND permission_set IS NOT NULL AND last_seen >= now() - interval '90 days'
    GROUP BY account_id, permission_set, user_id, lower(principal)
), logs AS (
    SELECT account_id, min(first_seen) AS log_from, max(last_seen) AS log_until FROM aws_activity GROUP BY account_id
), users_of AS (
    SELECT h.account_id, h.permission_set_arn, h.principal_id, count(DISTINCT h.user_id) AS people,
           count(DISTINCT CASE WHEN u.person IS NOT NULL THEN h.user_id END) AS used_by
    FROM held h
    LEFT JOIN aws_ssoadmin_permission_sets s ON s.permission_set_arn = h.permission_set_arn
    LEFT JOIN used u ON u.account_id = h.account_id AND u.permission_set = s.permission_set_name
        AND (u.user_id = h.user_id OR (u.user_id IS NULL AND u.person = lower(h.user_name)))
    GROUP BY h.account_id, h.permission_set_arn, h.principal_id
)
SELECT a.account_id, s.permission_set_name, a.principal_type, a.principal_id,
       coalesce(g.display_name, p.idc_user_name) AS principal, coalesce(o.people, 0) AS people,
       CASE WHEN l.log_from <= now() - interval '90 days' AND l.log_until >= now() - interval '1 day' THEN 'unused' ELSE 'not_known' END AS state,
       l.log_from, l.log_until
FROM aws_ssoadmin_account_assignments a
LEFT JOIN aws_ssoadmin_permission_sets s ON s.permission_set_arn = a.permission_set_arn
LEFT JOIN aws_identitystore_groups g ON g.group_id = a.principal_id
LEFT JOIN aws_identitystore_users p ON p.user_id = a.principal_id
LEFT JOIN users_of o ON o.account_id = a.account_id AND o.permission_set_arn = a.permission_set_arn AND o.principal_id = a.principal_id
LEFT JOIN logs l ON l.account_id = a.account_id
WHERE a.hallpass_grant_id IS NULL AND coalesce(o.used_by, 0) = 0
ORDER BY a.account_id, s.permission_set_name, a.principal_type, a.principal_id
