# what differs between our two deployments
slack_channel_id              = "C0123456789"
max_permissions_duration_time = 8
secondary_fallback_email_domains = []

config = [
  { "ResourceType" : "Account", "Resource" : "*", "PermissionSet" : "Billing",
    "Approvers" : "finance@corp.com", "AllowSelfApproval" : true },
  { "ResourceType" : "Account", "Resource" : ["111111111111"], "PermissionSet" : "*",
    "Approvers" : ["lea@corp.com", "omar@corp.com"], "AllowedUsers" : [] },
]
