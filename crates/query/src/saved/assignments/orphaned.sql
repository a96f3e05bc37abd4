SELECT account_id, permission_set_arn, principal_type, principal_id
FROM aws_ssoadmin_account_assignments a
WHERE NOT EXISTS (SELECT 1 FROM aws_identitystore_users u WHERE u.user_id = a.principal_id)
  AND NOT EXISTS (SELECT 1 FROM aws_identitystore_groups g WHERE g.group_id = a.principal_id)
ORDER BY account_id, permission_set_arn, principal_id
