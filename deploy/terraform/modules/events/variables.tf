variable "name" {
  type        = string
  default     = "hallpass"
  description = "Name of everything that is made."
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,21}$", var.name))
    error_message = "The name has 2 to 22 small letters, digits and hyphens."
  }
}

variable "bus" {
  type        = string
  description = "The default event bus of the server's account: output events_bus of the module server, whose events_from names this account."
  validation {
    condition     = can(regex("^arn:[a-z-]+:events:[a-z0-9-]+:[0-9]{12}:event-bus/default$", var.bus))
    error_message = "bus is the ARN of a default event bus, arn:aws:events:REGION:ACCOUNT:event-bus/default."
  }
}
