#!/usr/bin/env bash
# Installs lockstep from its source package, unless the wanted version is on PATH.
set -euo pipefail

wanted=${LOCKSTEP_VERSION:-}
if command -v lockstep >/dev/null; then
  installed=$(lockstep --version | cut -d ' ' -f 2)
  if [ -z "$wanted" ] || [ "$wanted" = "$installed" ]; then
    echo "lockstep $installed is installed"
    exit 0
  fi
fi
if [ -n "$wanted" ]; then
  cargo install --locked --force "--version=$wanted" lockstep-gitops
else
  cargo install --locked lockstep-gitops
fi
echo "${CARGO_HOME:-$HOME/.cargo}/bin" >>"$GITHUB_PATH"
