# fish completion for lockstep, made by `lockstep completions fish`. The program itself says what fits.

function __lockstep_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (command lockstep __complete (count $words) $words "$current" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path "$current"
            case :dirs
                __fish_complete_directories "$current" ''
            case ':delegate *'
                # As if the line began with the tool.
                set -l at (math (string replace ':delegate ' '' -- $line) + 1)
                set -l rest
                if test $at -le (count $words)
                    set rest (string escape -- $words[$at..-1])
                end
                complete -C (string join ' ' -- $rest "$current")
            case '*'
                printf '%s\n' $line
        end
    end
end

complete -c lockstep -f -a '(__lockstep_complete)'
