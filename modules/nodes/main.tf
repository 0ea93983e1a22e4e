terraform {
  required_version = ">= 1.4"

  # `module` is the stage's own name in a workflow, so two groups of nodes have a state each.
  backend "local" {
    path          = "{{ root }}/.state/{{ module }}/{{ profile }}.tfstate"
    workspace_dir = "{{ root }}/.state/{{ module }}/{{ profile }}.workspaces"
  }
}

resource "terraform_data" "node" {
  count = {{ count }}
  input = {
    network = {{ network.id | tohcl }}
    address = cidrhost({{ network.cidr | tohcl }}, count.index + 10)
  }

  # With `--set healthy=false` the nodes never come up.
  provisioner "local-exec" {
    command = "{{ "true" if healthy else "echo 'the nodes do not come up' >&2; exit 1" }}"
  }
}

output "addresses" {
  value = terraform_data.node[*].output.address
}
