# Two nodes over PostgreSQL, the audit log in an account of its own, sign-in through an OpenID provider.

# the account that administers IAM Identity Center, and the home Region of the instance
provider "aws" {
  region = "eu-west-1"
}

# an account that operators of the server do not administer
provider "aws" {
  alias  = "audit"
  region = "eu-west-1"
  assume_role {
    role_arn = "arn:aws:iam::444455556666:role/terraform"
  }
}

module "hallpass" {
  source    = "../../modules/server"
  providers = { aws = aws, aws.audit = aws.audit }

  vpc              = "vpc-0123456789abcdef0"
  vpc_range        = "10.0.0.0/16"
  subnets          = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
  balancer_subnets = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
  callers          = ["10.0.0.0/8"]
  certificate      = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
  public_url       = "https://hallpass.example.com"

  nodes = 2
  database = {
    subnets = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
    version = "15" # PostgreSQL; the one that Hallpass is tested with
  }
  # openssl genpkey -algorithm ed25519 | aws secretsmanager create-secret --name hallpass-key --secret-string file:///dev/stdin
  signing_key = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hallpass-key-AbCdEf"
  secrets = {
    oidc = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hallpass-oidc-AbCdEf"
  }

  monitoring = { prometheus = "sg-0123456789abcdef0" }

  lock_mode = "compliance"
  lock_days = 400

  package = {
    bucket = "acme-packages"
    key    = "hallpass_0.1.0_amd64.deb"
    sum    = "0000000000000000000000000000000000000000000000000000000000000000" # from the signed SHA256SUMS
  }

  configuration = <<-TOML
    ${file("${path.module}/../more.toml")}
    [oidc]
    issuer = "https://id.example.com"
    client_id = "hallpass"
    client_secret = "file:/run/credentials/hallpass.service/secret_oidc"
  TOML
  rules         = file("${path.module}/../rules.toml")
}

output "address" {
  value = module.hallpass.address
}
