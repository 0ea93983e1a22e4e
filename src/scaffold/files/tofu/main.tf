# A template: what stands in double braces is filled in for each profile. Works with tofu and
# terraform; `terraform_data` needs no provider, so that nothing is downloaded.
terraform {
  required_version = ">= 1.4"

  # Nothing of value lives in .dist: the state is outside of it, and `root` is the way there. For more
  # than one person use a remote backend, with a key made of `module` and `profile`.
  backend "local" {
    path          = "{{ root }}/.state/{{ module }}/{{ profile }}.tfstate"
    workspace_dir = "{{ root }}/.state/{{ module }}/{{ profile }}.workspaces"
  }
}

resource "terraform_data" "message" {
  input = {{ message | tohcl }}
}

output "message" {
  value = terraform_data.message.output
}
