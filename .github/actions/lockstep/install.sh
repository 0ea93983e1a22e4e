#!/usr/bin/env bash
# Builds lockstep from the source that this action was checked out with, and from nothing else.
#   install.sh plan    tells where it goes (`root`) and by which name it is cached (`key`); with an input
#                      `binary` there is nothing to build, and nothing is told
#   install.sh build   builds it into INSTALL_ROOT, unless it is there, and puts it on PATH
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../../.." && pwd)

digest() {
  if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}

# The digest of everything that cargo reads.
source_digest() {
  cd "$source"
  local part parts=()
  for part in Cargo.toml Cargo.lock build.rs src crates; do
    [ ! -e "$part" ] || parts+=("$part")
  done
  find "${parts[@]}" -type f | LC_ALL=C sort | while IFS= read -r file; do
    printf '%s\n' "$file"
    digest <"$file"
  done | digest
}

case ${1:-} in
plan)
  if [ -n "${INPUT_BINARY:-}" ]; then
    "$INPUT_BINARY" --version
    exit 0
  fi
  key=lockstep-${RUNNER_OS:-unknown}-${RUNNER_ARCH:-unknown}-$(source_digest)
  printf 'key=%s\nroot=%s\n' "$key" "${RUNNER_TEMP:-/tmp}/$key" >>"$GITHUB_OUTPUT"
  ;;
build)
  if [ ! -x "$INSTALL_ROOT/bin/lockstep" ]; then
    if ! command -v cargo >/dev/null; then
      echo "::error::this runner has no cargo to build lockstep with: install Rust, or set the input \`binary\`" >&2
      exit 1
    fi
    cargo install --locked --path "$source" --root "$INSTALL_ROOT"
  fi
  "$INSTALL_ROOT/bin/lockstep" --version
  echo "$INSTALL_ROOT/bin" >>"$GITHUB_PATH"
  ;;
*)
  echo "usage: install.sh plan|build" >&2
  exit 64
  ;;
esac
