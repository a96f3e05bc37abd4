SELECT p.account_id, s.permission_set_name, p.permission_set_arn
FROM aws_ssoadmin_provisioned p
LEFT JOIN aws_ssoadmin_permission_sets s ON s.permission_set_arn = p.permission_set_arn
WHERE NOT EXISTS (
  SELECT 1 FROM aws_ssoadmin_account_assignments a
  WHERE a.account_id = p.account_id AND a.permission_set_arn = p.permission_set_arn)
ORDER BY p.account_id, s.permission_set_name, p.permission_set_arn
