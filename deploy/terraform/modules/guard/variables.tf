variable "name" {
  type        = string
  default     = "hallpass-guard"
  description = "Name of everything that is made."
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,21}$", var.name))
    error_message = "The name has 2 to 22 small letters, digits and hyphens."
  }
}

variable "guard_name" {
  type        = string
  default     = "elsewhere"
  description = "The guard's name in its records and files; every guard needs its own."
}

variable "region" {
  type        = string
  description = "Home Region of IAM Identity Center."
}

variable "role_arn" {
  type        = string
  description = "The role in the server's account that it assumes: output guard_role_arn of the module server."
}

variable "ends" {
  type        = string
  description = "The file of ends: output ends of the module server."
}

variable "server_role_arn" {
  type        = string
  description = "The role of the server, which reads the journal: output role_arn of the module server."
}

variable "public_key" {
  type        = string
  description = "Public key with which the file of ends is signed: `hallpass audit key` on the server's machine prints it."
  validation {
    condition     = can(regex("^ed25519:[A-Za-z0-9+/=_-]+$", var.public_key))
    error_message = "public_key begins with ed25519: as `hallpass audit key` prints it."
  }
}

variable "bound" {
  type        = string
  default     = "1m"
  description = "How late an end may be before the guard ends the access."
}

variable "vpc" {
  type        = string
  description = "Id of the network of its machine."
}

variable "subnet" {
  type        = string
  description = "Private subnet of its machine; it reaches AWS by NAT or endpoints."
}

variable "package" {
  type = object({
    bucket = string
    key    = string
    sum    = string
  })
  description = "The Debian package of the release, { bucket, key, sum }: its SHA-256 is in the signed SHA256SUMS."
}

variable "monitoring" {
  type        = map(string)
  default     = {}
  description = "Security groups that may read health and metrics at port 9091, by a name of yours and id; none: the machine alone."
}

variable "session_manager" {
  type        = bool
  default     = true
  description = "Whether Session Manager opens shells on the machine: its agent, and the policy AmazonSSMManagedInstanceCore. Without it, a way to it is yours to make."
}

variable "instance_type" {
  type        = string
  default     = "t3.micro"
  description = "The machine, of the package's architecture."
}

variable "image" {
  type        = string
  default     = "/aws/service/debian/release/12/latest/amd64"
  description = "Parameter of SSM with the image of the machine: Debian 12 or 13. Ubuntu fits in no release: 22.04 has systemd 249 and the units need 251, 24.04 has no package of the AWS CLI."
}
