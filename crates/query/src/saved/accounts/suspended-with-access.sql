SELECT o.id AS account_id, o.name, coalesce(o.state, o.status) AS state, count(*) AS assignments
FROM aws_organizations_accounts o
JOIN aws_ssoadmin_account_assignments a ON a.account_id = o.id
WHERE coalesce(o.state, o.status) <> 'ACTIVE'
GROUP BY o.id, o.name, coalesce(o.state, o.status)
ORDER BY o.id
