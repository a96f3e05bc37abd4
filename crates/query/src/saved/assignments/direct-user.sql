SELECT a.account_id, s.permission_set_name, p.idc_user_name AS user_name, a.principal_id
FROM aws_ssoadmin_account_assignments a
LEFT JOIN aws_ssoadmin_permission_sets s ON s.permission_set_arn = a.permission_set_arn
JOIN aws_identitystore_users p ON p.user_id = a.principal_id
WHERE a.principal_type = 'USER' AND a.hallpass_grant_id IS NULL
ORDER BY a.account_id, s.permission_set_name, p.idc_user_name, a.principal_id
