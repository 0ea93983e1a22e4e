# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_lockstep_global_optspecs
    string join \n C= q/quiet v/verbose color= dry-run set= params= force check print= branch= wait= reason= expect= accept-rewrite events= h/help V/version
end

function __fish_lockstep_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_lockstep_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_lockstep_using_subcommand
    set -l cmd (__fish_lockstep_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c lockstep -n "__fish_lockstep_needs_command" -s C -d 'Run as if started in DIR' -r -F
complete -c lockstep -n "__fish_lockstep_needs_command" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c lockstep -n "__fish_lockstep_needs_command" -l set -d 'Set a parameter for this run (TOML value, else text); may be repeated' -r
complete -c lockstep -n "__fish_lockstep_needs_command" -l params -d 'Take parameters for this run from a TOML or JSON file; may be repeated' -r -F
complete -c lockstep -n "__fish_lockstep_needs_command" -l print -d 'With `build` alone: write nothing but this rendered file, to standard output' -r
complete -c lockstep -n "__fish_lockstep_needs_command" -l branch -d 'The branch that a detached HEAD stands for' -r
complete -c lockstep -n "__fish_lockstep_needs_command" -l wait -d 'With `lock`: wait so long for a lock that somebody holds (90s, 10m, 1h30m)' -r
complete -c lockstep -n "__fish_lockstep_needs_command" -l reason -d 'Why a lock is taken from somebody else' -r
complete -c lockstep -n "__fish_lockstep_needs_command" -l expect -d 'With `unlock-any`: take the lock only if it is still at this generation' -r
complete -c lockstep -n "__fish_lockstep_needs_command" -l events -d 'Write the run\'s events as lines of JSON to FILE, or to an open descriptor as fd:N' -r
complete -c lockstep -n "__fish_lockstep_needs_command" -s q -l quiet -d 'Say nothing but errors'
complete -c lockstep -n "__fish_lockstep_needs_command" -s v -l verbose -d 'Say what each step does and how long it takes'
complete -c lockstep -n "__fish_lockstep_needs_command" -l dry-run -d 'Check everything, print the plan, do nothing'
complete -c lockstep -n "__fish_lockstep_needs_command" -l force -d 'Overwrite generated files that were edited by hand'
complete -c lockstep -n "__fish_lockstep_needs_command" -l check -d 'With `build` alone: write nothing, end with 1 if anything would change'
complete -c lockstep -n "__fish_lockstep_needs_command" -l accept-rewrite -d 'Go on although the commit that was applied last is gone from the history'
complete -c lockstep -n "__fish_lockstep_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lockstep -n "__fish_lockstep_needs_command" -s V -l version -d 'Print version'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "demo" -d 'Show the whole job in a throwaway repository: lock, refusal, failure, recovery'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "locks" -d 'Show the locks that are held, failed, frozen or unreadable'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "log" -d 'Show what was done to the locks: who took, released or evicted what, when and why'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "why" -d 'Show what a unit\'s parameters are, where that is written, and what it overrides'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "freeze" -d 'Lock a unit on purpose, until somebody thaws it'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "thaw" -d 'End a freeze'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "save" -d 'Bring files that a tool wrote into the rendered directory back into the module'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "help" -d 'Explain: `help steps`, `help exit-codes`'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "completions" -d 'Print the completion script for a shell'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "generate" -d 'Write the files that are generated from the program (completions, CLI reference)'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "build" -d 'render the module for the profile into .dist/MODULE/PROFILE'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "diff" -d 'show what `build` would change in .dist/MODULE/PROFILE'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "git-check" -d 'refuse unless the working tree is clean and current with its upstream'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "lock" -d 'take the lock of the unit'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "exec" -d 'run the command that stands after MODULE PROFILE, in the rendered directory'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "git-push" -d 'push the branch to its upstream'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "unlock" -d 'give back the lock that this run took'
complete -c lockstep -n "__fish_lockstep_needs_command" -f -a "unlock-any" -d 'give back the lock, or without `lock` take it from whoever holds it'
complete -c lockstep -n "__fish_lockstep_using_subcommand demo" -l tool -d 'Use this program instead of the tofu or terraform that is installed; `none` for a plain command' -r
complete -c lockstep -n "__fish_lockstep_using_subcommand demo" -l keep -d 'Leave the repository in place and say where it is'
complete -c lockstep -n "__fish_lockstep_using_subcommand demo" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand locks; and not __fish_seen_subcommand_from show" -l json -d 'Print JSON'
complete -c lockstep -n "__fish_lockstep_using_subcommand locks; and not __fish_seen_subcommand_from show" -l all-projects -d 'Those of other projects in the same place too'
complete -c lockstep -n "__fish_lockstep_using_subcommand locks; and not __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand locks; and not __fish_seen_subcommand_from show" -f -a "show" -d 'Show everything that is recorded about one lock'
complete -c lockstep -n "__fish_lockstep_using_subcommand locks; and __fish_seen_subcommand_from show" -l json -d 'Print JSON'
complete -c lockstep -n "__fish_lockstep_using_subcommand locks; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand log" -s n -d 'At most so many entries' -r
complete -c lockstep -n "__fish_lockstep_using_subcommand log" -l json -d 'Print JSON'
complete -c lockstep -n "__fish_lockstep_using_subcommand log" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand why" -l set -d 'Set a parameter (TOML value, else text), as for a pipeline; may be repeated' -r
complete -c lockstep -n "__fish_lockstep_using_subcommand why" -l params -d 'Take parameters from a TOML or JSON file, as for a pipeline; may be repeated' -r -F
complete -c lockstep -n "__fish_lockstep_using_subcommand why" -l json -d 'Print JSON'
complete -c lockstep -n "__fish_lockstep_using_subcommand why" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand freeze" -l reason -d 'Why; everybody who is refused will read it' -r
complete -c lockstep -n "__fish_lockstep_using_subcommand freeze" -l all -d 'Every unit of the project'
complete -c lockstep -n "__fish_lockstep_using_subcommand freeze" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand thaw" -l reason -d 'Why, for the log' -r
complete -c lockstep -n "__fish_lockstep_using_subcommand thaw" -l all -d 'Every unit of the project'
complete -c lockstep -n "__fish_lockstep_using_subcommand thaw" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand save" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand help" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lockstep -n "__fish_lockstep_using_subcommand generate" -l check -d 'Only compare: 1 if any file differs'
complete -c lockstep -n "__fish_lockstep_using_subcommand generate" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand build" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand diff" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand git-check" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand lock" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand exec" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand git-push" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand unlock" -s h -l help -d 'Print help'
complete -c lockstep -n "__fish_lockstep_using_subcommand unlock-any" -s h -l help -d 'Print help'
