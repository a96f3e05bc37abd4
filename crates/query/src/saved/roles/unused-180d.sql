SELECT role_account_id AS account_id, role_name, role_last_used
FROM aws_iam_roles
WHERE role_path NOT LIKE '/aws-service-role/%'
  AND (role_last_used IS NULL OR role_last_used < now() - interval '180 days')
ORDER BY role_account_id, role_name
