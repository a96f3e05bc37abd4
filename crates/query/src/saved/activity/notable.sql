SELECT day, account_id, principal_kind, principal, permission_set, role, service, action, error_code,
       sum(events) AS events, min(first_seen) AS first_seen, max(last_seen) AS last_seen
FROM aws_activity
WHERE (service IN ('iam', 'sso', 'sso-directory', 'identitystore', 'kms', 'organizations', 'account') AND is_write)
   OR action IN ('StopLogging', 'DeleteTrail', 'UpdateTrail', 'PutEventSelectors', 'StopConfigurationRecorder',
                 'DeleteDetector', 'DeleteFlowLogs', 'CreateAccessKey', 'CreateLoginProfile', 'PutBucketPolicy', 'PutBucketAcl',
                 'DeleteBucketPublicAccessBlock', 'AuthorizeSecurityGroupIngress', 'ModifySnapshotAttribute')
GROUP BY day, account_id, principal_kind, principal, permission_set, role, service, action, error_code
ORDER BY day, account_id, principal, service, action, error_code NULLS FIRST, permission_set, role
