variable "name" {
  type        = string
  description = "Name of the machines and of what belongs to them."
}

variable "unit" {
  type        = string
  description = "The service that the machines run."
  validation {
    condition     = contains(["hallpass.service", "hallpass-guard.service"], var.unit)
    error_message = "The unit is hallpass.service or hallpass-guard.service."
  }
}

variable "nodes" {
  type        = number
  default     = 1
  description = "How many machines."
}

variable "subnets" {
  type        = list(string)
  description = "Private subnets, one after the other for each machine; they reach AWS by NAT or endpoints."
}

variable "security_groups" {
  type        = list(string)
  description = "Security groups of the machines."
}

variable "role" {
  type        = string
  description = "Name of the role of the machines."
}

variable "package" {
  type = object({
    bucket = string
    key    = string
    sum    = string
  })
  description = "The Debian package of the release, { bucket, key, sum }: its SHA-256 is in the signed SHA256SUMS."
  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.package.sum))
    error_message = "package.sum is a SHA-256: 64 hexadecimal digits."
  }
}

variable "files" {
  type        = map(string)
  description = "What lies in /etc/hallpass: name and content. No secrets."
}

variable "secrets" {
  type        = map(string)
  default     = {}
  description = "Secrets of the configuration: name, and ARN in Secrets Manager."
}

variable "secret_keys" {
  type        = list(string)
  default     = []
  description = "ARNs of the customer managed KMS keys that these secrets are encrypted with."
}

variable "signing_key" {
  type        = string
  default     = ""
  description = "ARN of the secret with the Ed25519 key that the machines share (hallpass.key); empty for one that the server makes."
}

variable "database" {
  type = object({
    secret = string
    host   = string
    name   = string
  })
  default     = null
  description = "The PostgreSQL database: ARN of the secret with user name and password, host and name; null for SQLite."
}

variable "folders" {
  type        = list(string)
  default     = []
  description = "What is copied every 30 s: `push FOLDER s3://BUCKET/PREFIX` or `pull FOLDER s3://BUCKET/PREFIX`."
}

variable "volume_size" {
  type        = number
  default     = null
  description = "GiB of a volume of its own for /var/lib/hallpass, which outlives the machine; null for none. One machine only."
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
