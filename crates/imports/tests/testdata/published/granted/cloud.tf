resource "commonfate_access_workflow" "demo" {
  name                     = "demo"
  access_duration_seconds  = 60 * 60
  default_duration_seconds = 30 * 60
  priority                 = 100
  activation_expiry        = 60 * 60 * 8
  validation = {
    has_reason = true
  }
  extension_conditions = {
    maximum_number_of_extensions = 2
    extension_duration_seconds   = 10 * 60
  }
}

resource "commonfate_aws_account_selector" "prod" {
  id                  = "prod"
  name                = "prod"
  aws_organization_id = "o-1234567890"
  when                = <<EOT
  resource in AWS::OrgUnit::"ou-ab12-prodprod"
  EOT
}

resource "commonfate_aws_account_selector" "tagged" {
  id                  = "tagged"
  name                = "tagged"
  aws_organization_id = "o-1234567890"
  when                = <<EOT
  resource.tag_keys contains "production" && resource in AWS::OrgUnit::"ou-ab12-prodprod"
  EOT
}

resource "commonfate_aws_idc_account_availabilities" "admin" {
  workflow_id             = commonfate_access_workflow.demo.id
  aws_permission_set_arn  = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000000"
  aws_account_selector_id = commonfate_aws_account_selector.prod.id
  aws_identity_store_id   = "d-1234567890"
  role_priority           = 1
}

resource "commonfate_aws_idc_account_availabilities" "read" {
  workflow_id             = commonfate_access_workflow.demo.id
  aws_permission_set_arn  = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000001"
  aws_account_selector_id = commonfate_aws_account_selector.prod.id
  aws_identity_store_id   = "d-1234567890"
  role_priority           = 2
}

resource "commonfate_aws_idc_account_availabilities" "tagged" {
  workflow_id             = commonfate_access_workflow.demo.id
  aws_permission_set_arn  = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000000"
  aws_account_selector_id = commonfate_aws_account_selector.tagged.id
  aws_identity_store_id   = "d-1234567890"
}

resource "commonfate_gcp_project_availabilities" "elsewhere" {
  workflow_id             = commonfate_access_workflow.demo.id
  gcp_role                = "roles/viewer"
  gcp_project_selector_id = "projects"
}

resource "commonfate_policyset" "demo" {
  id   = "demo"
  text = <<EOH
// what everybody begins with
permit (principal, action == Access::Action::"Request", resource);
permit (principal, action == Access::Action::"Activate", resource) when { resource.approved };
permit (principal == CF::Service::"ControlPlane", action == Access::Action::"Close", resource);
@advice("Ask somebody else")
forbid (principal, action == Access::Action::"Approve", resource) when { principal == resource.principal };

// who approves, and what needs no approval
permit (principal in Entra::Group::"11111111-0000-4000-8000-000000000001", action == Access::Action::"Approve", resource);
permit (
  principal in Entra::Group::"11111111-0000-4000-8000-000000000000",
  action == Access::Action::"Activate",
  resource
) when { resource.role == AWS::IDC::PermissionSet::"arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000001" && resource.target == AWS::Account::"100000000001" };
permit (
  principal,
  action == Access::Action::"Activate",
  resource is AWS::IDC::AccountGrant
)
when { resource.target in [AWS::Account::"100000000002"] };

// who may not ask
forbid (principal == Core::User::"usr_2ABCDEFGHJKLMNPQRSTUVWXYZ01", action == Access::Action::"Request", resource);
forbid (principal, action == Access::Action::"Request", resource) when { principal.email == "cai@acme.example" };

// what rules have otherwise, or not at all
permit (principal, action == Access::Action::"BreakglassActivate", resource);
forbid (principal, action == Access::Action::"Extend", resource in GCP::Folder::"folders/1234567890");
permit (principal in PagerDuty::OnCall::"PABCDEF", action == Access::Action::"Activate", resource);
permit (principal, action == Access::Action::"Activate", resource in GCP::Folder::"folders/1234567890");
EOH
}
