SELECT p.account_id, s.permission_set_name, p.permission_set_arn
FROM aws_ssoadmin_provisioned p
LEFT JOIN aws_ssoadmin_permission_sets s ON s.permission_set_arn = p.permission_set_arn
WHERE NOT p.latest
ORDER BY p.account_id, s.permission_set_name, p.permission_set_arn
