#!/usr/bin/env bash
# Runs the pipeline that the inputs of action.yml describe. Each input reaches lockstep as it is: none
# of it is read by a shell. Standard input is closed, so that no tool waits for an answer.
set -euo pipefail

# The lines of a text that are not empty, into the array `lines`. (bash 3 has no mapfile.)
read_lines() {
  lines=()
  local line
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line%$'\r'}
    [ -z "$line" ] || lines+=("$line")
  done <<<"$1"
}

arguments=()
read_lines "$INPUT_OPTIONS"
arguments+=(${lines[@]+"${lines[@]}"})
[ -z "$INPUT_WAIT" ] || arguments+=("--wait=$INPUT_WAIT")

set -f
IFS=$' \t\n' read -r -d '' -a steps <<<"$INPUT_STEPS" || true
set +f
arguments+=(${steps[@]+"${steps[@]}"} -- "$INPUT_MODULE" "$INPUT_PROFILE")

read_lines "$INPUT_COMMAND"
arguments+=(${lines[@]+"${lines[@]}"})

lockstep=${INPUT_BINARY:-lockstep}
# The tool does not get the action's own variables.
unset INPUT_MODULE INPUT_PROFILE INPUT_COMMAND INPUT_STEPS INPUT_OPTIONS INPUT_WAIT INPUT_BINARY
exec "$lockstep" "${arguments[@]}" </dev/null
