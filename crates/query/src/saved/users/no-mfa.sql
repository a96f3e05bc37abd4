SELECT account_id, user_name, password_last_used
FROM aws_iam_users
WHERE password_enabled AND mfa_active IS NOT TRUE
ORDER BY account_id, user_name
