SELECT e.event_id, e.recipient_account_id AS account_id, e.event_time, e.source_ip,
       e.additional ->> 'MFAUsed' AS mfa, e.response_elements ->> 'ConsoleLogin' AS outcome
FROM aws_cloudtrail_events e
JOIN aws_organizations o ON o.master_account_id = e.recipient_account_id
WHERE e.event_source = 'signin.amazonaws.com' AND e.event_name = 'ConsoleLogin' AND e.actor_type = 'Root'
  AND e.event_time > now() - interval '1 day'
ORDER BY e.event_time, e.event_id
