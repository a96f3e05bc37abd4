# The smallest server, and a guard in an account of its own.

# the account that administers IAM Identity Center, and the home Region of the instance
provider "aws" {
  region = "eu-west-1"
}

# the guard's account, and better another Region
provider "aws" {
  alias  = "guard"
  region = "eu-central-1"
  assume_role {
    role_arn = "arn:aws:iam::777788889999:role/terraform"
  }
}

locals {
  package = {
    bucket = "acme-packages" # both accounts may read it
    key    = "hallpass_0.1.0_amd64.deb"
    sum    = "0000000000000000000000000000000000000000000000000000000000000000" # from the signed SHA256SUMS
  }
}

module "hallpass" {
  source    = "../../modules/server"
  providers = { aws = aws, aws.audit = aws }

  vpc              = "vpc-0123456789abcdef0"
  vpc_range        = "10.0.0.0/16"
  subnets          = ["subnet-0123456789abcdef0"]
  balancer_subnets = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
  callers          = ["10.0.0.0/8"]
  certificate      = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
  public_url       = "https://hallpass.example.com"
  package          = local.package
  configuration    = file("${path.module}/../more.toml")
  rules            = file("${path.module}/../rules.toml")

  guard = {
    principal      = module.guard.principal
    journal_bucket = module.guard.journal_bucket
  }
}

module "guard" {
  source    = "../../modules/guard"
  providers = { aws = aws.guard }

  region          = "eu-west-1"
  role_arn        = module.hallpass.guard_role_arn
  ends            = module.hallpass.ends
  server_role_arn = module.hallpass.role_arn
  # `hallpass audit key` on the server's machine prints it, so the guard comes after the server's first start
  public_key = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
  vpc        = "vpc-0fedcba9876543210"
  subnet     = "subnet-00112233445566778"
  package    = local.package
  monitoring = { prometheus = "sg-0123456789abcdef0" }
}

output "address" {
  value = module.hallpass.address
}
