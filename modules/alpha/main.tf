# Works with terraform and tofu. `terraform_data` needs no provider, so that nothing is downloaded.
terraform {
  required_version = ">= 1.4"

  # Nothing of value lives in .dist: the state is outside, and `root` is the way to it. A real
  # project has a remote backend here (`backend "s3"` with a key made of module and profile).
  backend "local" {
    path          = "{{ root }}/.state/{{ module }}/{{ profile }}.tfstate"
    workspace_dir = "{{ root }}/.state/{{ module }}/{{ profile }}.workspaces"
  }
}

locals {
  # Tables and lists need `tohcl`; one that is printed as it is, is an error.
  labels = {{ labels | tohcl }}
  zones  = {{ zones | tohcl }}
}

resource "terraform_data" "message" {
  input = {
    text   = {{ message | tohcl }}
    size   = {{ size | tohcl }}
    region = {{ region | tohcl }}
    labels = local.labels
    zones  = local.zones
  }
}

resource "terraform_data" "rollout" {
  input = {{ healthy }}

  # Provisioners run when a resource is made, so it is made anew whenever one of these changes.
  triggers_replace = [terraform_data.message.output, {{ healthy }}]

  # Fails during apply, after the message above has changed: what a broken rollout looks like.
  provisioner "local-exec" {
    command = self.input ? "true" : "echo 'the rollout is not healthy' >&2; exit 1"
  }
}
{%- if size == "large" %}

resource "terraform_data" "standby" {
  for_each = toset(local.zones)
  input    = "standby in ${each.key}"
}
{%- endif %}
