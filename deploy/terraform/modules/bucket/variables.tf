variable "bucket" {
  type        = object({ id = string, arn = string })
  description = "The bucket, { id, arn }: its creator decides whether it may be destroyed."
}

variable "earlier_days" {
  type        = number
  default     = null
  description = "How long versions that were written over are kept, in days; null for always."
}

variable "statements" {
  type        = any
  default     = []
  description = "Statements of its policy, after the one that denies plain HTTP."
}
