SELECT account_id, user_name, create_date, password_last_used
FROM aws_iam_users
WHERE password_enabled
  AND coalesce(password_last_used, password_last_changed, create_date) < now() - interval '90 days'
ORDER BY account_id, user_name
