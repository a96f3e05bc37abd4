SELECT s.summary_account_id AS account_id, s.root_mfa_enabled, s.root_access_keys
FROM aws_iam_account_summary s
JOIN aws_organizations o ON o.master_account_id = s.summary_account_id
WHERE s.root_access_keys > 0 OR NOT s.root_mfa_enabled
