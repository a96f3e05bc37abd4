SELECT account_id, user_name, password_last_used
FROM aws_iam_users
WHERE password_enabled AND NOT mfa_active
ORDER BY account_id, user_name
