SELECT u.account_id, u.user_name, u.tags ->> $email AS email, k.access_key_id, k.last_used
FROM aws_iam_user_access_keys k JOIN aws_iam_users u ON u.cq_id = k.user_cq_id
WHERE u.tags ->> $email IS NOT NULL
  AND NOT EXISTS (
    SELECT 1 FROM okta_users o
    WHERE lower(o.profile ->> 'email') = lower(u.tags ->> $email)
      AND o.status NOT IN ('DEPROVISIONED', 'SUSPENDED'))
ORDER BY u.account_id, u.user_name, k.access_key_id
