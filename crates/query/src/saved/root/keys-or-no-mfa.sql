SELECT summary_account_id AS account_id, root_mfa_enabled, root_access_keys
FROM aws_iam_account_summary
WHERE root_access_keys > 0 OR NOT root_mfa_enabled
ORDER BY summary_account_id
