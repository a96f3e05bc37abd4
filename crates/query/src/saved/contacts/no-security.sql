SELECT a.id AS account_id, a.name
FROM aws_alternate_contacts c JOIN aws_organizations_accounts a ON a.id = c.contact_account_id
WHERE c.contact_type = 'SECURITY' AND c.email IS NULL
ORDER BY a.id
