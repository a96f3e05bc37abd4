SELECT u.account_id, u.user_name, k.access_key_id, k.create_date
FROM aws_iam_user_access_keys k JOIN aws_iam_users u ON u.cq_id = k.user_cq_id
WHERE u.tags ->> $creator IS NULL
ORDER BY u.account_id, u.user_name, k.access_key_id
