variable "name" {
  type        = string
  default     = "hallpass"
  description = "Name of everything that is made."
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}$", var.name))
    error_message = "The name has 2 to 15 small letters, digits and hyphens."
  }
}

variable "vpc" {
  type        = string
  description = "Id of the network."
}

variable "vpc_range" {
  type        = string
  description = "Addresses of that network: the load balancer is in it, and its header X-Forwarded-For is accepted."
  validation {
    condition     = can(cidrhost(var.vpc_range, 0)) && !startswith(var.vpc_range, "0.0.0.0")
    error_message = "vpc_range is a range such as 10.0.0.0/16, and not the whole internet."
  }
}

variable "subnets" {
  type        = list(string)
  description = "Private subnets of the machines, in different zones for several; they reach AWS by NAT or endpoints."
  validation {
    condition     = length(var.subnets) > 0
    error_message = "Name a subnet at least."
  }
}

variable "balancer_subnets" {
  type        = list(string)
  description = "Subnets of the load balancer, in two zones at least."
  validation {
    condition     = length(var.balancer_subnets) >= 2
    error_message = "A load balancer takes two subnets at least."
  }
}

variable "callers" {
  type        = list(string)
  description = "Ranges of addresses that may reach the load balancer, which is internal."
  validation {
    condition     = alltrue([for it in var.callers : can(cidrhost(it, 0))])
    error_message = "Callers are ranges such as 10.0.0.0/8."
  }
}

variable "certificate" {
  type        = string
  description = "ARN of the ACM certificate of the address that people use."
}

variable "public_url" {
  type        = string
  description = "That address, with https."
  validation {
    condition     = can(regex("^https://[^/]+$", var.public_url))
    error_message = "public_url is scheme and host: https://hallpass.example.com."
  }
}

variable "package" {
  type = object({
    bucket = string
    key    = string
    sum    = string
  })
  description = "The Debian package of the release, { bucket, key, sum }: its SHA-256 is in the signed SHA256SUMS."
}

variable "configuration" {
  type        = string
  description = "The rest of hallpass.toml: identity, access, oidc, slack, mail. The module writes server, store, aws, audit, events and guard."
}

variable "rules" {
  type        = string
  description = "The rule file."
}

variable "secrets" {
  type        = map(string)
  default     = {}
  description = "Secrets of the configuration, by ARN in Secrets Manager; there `file:/run/credentials/hallpass.service/secret_NAME`."
  validation {
    condition     = alltrue([for name in keys(var.secrets) : can(regex("^[a-z0-9-]+$", name)) && name != "store-url"])
    error_message = "Names of secrets have small letters, digits and hyphens; store-url is the module's."
  }
}

variable "secret_keys" {
  type        = list(string)
  default     = []
  description = "ARNs of the customer managed KMS keys that secrets are encrypted with."
}

variable "nodes" {
  type        = number
  default     = 1
  description = "How many machines: one over SQLite, or up to three over PostgreSQL, of which one works at a time."
  validation {
    condition     = var.nodes >= 1 && var.nodes <= 3 && floor(var.nodes) == var.nodes
    error_message = "There are one to three nodes."
  }
}

variable "database" {
  type = object({
    subnets = list(string)
    # no default: RDS refuses an earlier one than it has, so none may come with a release of this module
    version        = string
    instance_class = optional(string, "db.t4g.small")
    storage        = optional(number, 20)
    backup_days    = optional(number, 14)
    name           = optional(string, "hallpass")
    in_use         = optional(bool, true)
    at_once        = optional(bool, false)
  })
  default     = null
  description = "PostgreSQL in RDS, in two zones: { subnets, version, instance_class, storage, backup_days, name, in_use, at_once }; null for SQLite on a volume of the one machine. Its version is the major one. Another name is for a database that you restored there; with in_use = false it is made, and the machine goes on over SQLite; with at_once = true changes of RDS do not wait for its maintenance window."
  validation {
    # it is a part of an address, and of a line that is read by its blanks
    condition     = var.database == null ? true : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", var.database.name))
    error_message = "database.name is letters, digits and _, and begins with no digit."
  }
  validation {
    condition     = var.database == null ? true : can(regex("^(1[3-9]|[2-9][0-9])$", var.database.version))
    error_message = "database.version is a major version alone, from 13 on, such as 15: RDS takes its minor versions by itself."
  }
}

variable "signing_key" {
  type        = string
  default     = ""
  description = "ARN of a secret with the Ed25519 key (PEM) that signs the file of ends. Needed with a database; otherwise the server makes one."
}

variable "guard" {
  type = object({
    principal      = string
    journal_bucket = string
  })
  default     = null
  description = "The guard elsewhere, { principal, journal_bucket }: outputs of the module guard. null for none."
}

variable "events_from" {
  type        = list(string)
  default     = []
  description = "Accounts whose rules of EventBridge may send to the default event bus of this account and Region: the management account, where the server is in another one (module events)."
  validation {
    condition     = alltrue([for it in var.events_from : can(regex("^[0-9]{12}$", it))])
    error_message = "events_from has ids of accounts, 12 digits each."
  }
}

variable "event_rules" {
  type        = list(string)
  default     = []
  description = "ARNs of more rules of EventBridge in this account and Region that may send to the queue of events, such as those for findings."
  validation {
    condition     = alltrue([for it in var.event_rules : can(regex("^arn:[a-z-]+:events:[a-z0-9-]+:[0-9]{12}:rule/", it))])
    error_message = "event_rules has ARNs of rules, arn:aws:events:REGION:ACCOUNT:rule/NAME."
  }
}

variable "audit_prefix" {
  type        = string
  default     = "hallpass"
  description = "The folder of the audit bucket that the audit log is exported to; another one after a restore, since the log goes on with numbers that the old one has."
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+$", var.audit_prefix))
    error_message = "audit_prefix is one name of letters, digits, _ and -: below another export both would be read as one."
  }
}

variable "lock_mode" {
  type        = string
  default     = "governance"
  description = "Object Lock of audit records: `compliance`: not even the root user can delete them early."
  validation {
    condition     = contains(["governance", "compliance"], var.lock_mode)
    error_message = "lock_mode is governance or compliance."
  }
}

variable "lock_days" {
  type        = number
  default     = 365
  description = "How long records of the audit log are kept from deletion."
  validation {
    condition     = var.lock_days >= 1 && var.lock_days <= 36500
    error_message = "lock_days is 1 to 36500."
  }
}

variable "account_tags" {
  type        = bool
  default     = false
  description = "Whether rules name tags of accounts (account_tags, except_account_tags), which the server then may read."
}

variable "more_policies" {
  type        = map(string)
  default     = {}
  description = "Policies that the server needs besides, by a name of yours and ARN, such as for groups or armed ends."
}

variable "more_guard_policies" {
  type        = map(string)
  default     = {}
  description = "Policies that the role of the guard needs besides, by a name of yours and ARN, such as for groups."
}

variable "more_egress" {
  type        = map(number)
  default     = {}
  description = "Ports to which the server may connect beside 443 and 80, by a name of yours, such as { mail = 587 }."
}

variable "monitoring" {
  type        = map(string)
  default     = {}
  description = "Security groups that may read /metrics of each machine at port 8080, by a name of yours and id."
}

variable "session_manager" {
  type        = bool
  default     = true
  description = "Whether Session Manager opens shells on the machines: its agent, and the policy AmazonSSMManagedInstanceCore. Without it, a way to them is yours to make."
}

variable "instance_type" {
  type        = string
  default     = "t3.small"
  description = "The machine, of the package's architecture."
}

variable "image" {
  type        = string
  default     = "/aws/service/debian/release/12/latest/amd64"
  description = "Parameter of SSM with the image of the machine: Debian 12 or 13. Ubuntu fits in no release: 22.04 has systemd 249 and the units need 251, 24.04 has no package of the AWS CLI."
}

variable "volume_size" {
  type        = number
  default     = 20
  description = "GiB for the database of SQLite."
}
