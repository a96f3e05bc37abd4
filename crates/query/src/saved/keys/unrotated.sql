SELECT u.account_id, u.user_name, k.access_key_id, k.create_date, k.last_used
FROM aws_iam_user_access_keys k JOIN aws_iam_users u ON u.cq_id = k.user_cq_id
WHERE k.status = 'Active' AND k.create_date < now() - interval '90 days'
ORDER BY k.create_date, k.access_key_id
