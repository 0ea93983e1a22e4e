terraform {
  required_version = ">= 1.4"

  backend "local" {
    path          = "{{ root }}/.state/{{ module }}/{{ profile }}.tfstate"
    workspace_dir = "{{ root }}/.state/{{ module }}/{{ profile }}.workspaces"
  }
}

resource "terraform_data" "network" {
  input = {{ cidr | tohcl }}
}

# What other modules may know of it: `outputs.network.id` in their parameters.
output "id" {
  value = terraform_data.network.id
}

output "cidr" {
  value = terraform_data.network.output
}
