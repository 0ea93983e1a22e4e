# Nothing to render here: such files are copied as they are.
output "message" {
  value = terraform_data.message.output.text
}

output "zones" {
  value = local.zones
}
