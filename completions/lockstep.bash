# bash completion for lockstep, made by `lockstep completions bash`. The program itself says what fits.

_lockstep() {
    # bash cuts words at `:` and `=`, which are part of lockstep's words: put them together again.
    local rest=${COMP_LINE:0:COMP_POINT} blank piece='' cut=''
    local -a words places
    words=() places=()
    local -i i last=-1
    for ((i = 0; i <= COMP_CWORD; i++)); do
        blank=${rest%%[![:space:]]*}
        rest=${rest#"$blank"}
        piece=${COMP_WORDS[i]}
        ((i == COMP_CWORD)) && piece=$rest
        if ((i == 0)) || [[ -n $blank ]]; then
            last+=1
            words[last]=$piece
            places[last]=$i
        else
            words[last]+=$piece
        fi
        rest=${rest#"$piece"}
    done
    # What bash takes for earlier words must not be answered again.
    local current=${words[last]} breaks=${COMP_WORDBREAKS//[!:=]/}
    if [[ -n $breaks && $current == *[$breaks]* ]]; then
        cut=${current%"${current##*[$breaks]}"}
    fi
    COMPREPLY=()
    local line value open=1
    while IFS= read -r line; do
        value=${line%%$'\t'*}
        case $value in
            :files) _lockstep_paths -f "$current" "$cut" && open=0 ;;
            :dirs) _lockstep_paths -d "$current" "$cut" && open=0 ;;
            ":delegate "*)
                _lockstep_delegate "${places[${value#:delegate }]:-$COMP_CWORD}" "$piece"
                return ;;
            "$current"*)
                [[ $value == */ ]] || open=0
                COMPREPLY+=("${value#"$cut"}") ;;
        esac
    done < <(command lockstep __complete "$last" "${words[@]}" 2>/dev/null)
    # After a module's `/` its profile follows.
    ((open)) && ((${#COMPREPLY[@]})) && compopt -o nospace 2>/dev/null
    return 0
}

# Files or directories that the word may become.
_lockstep_paths() {
    local path
    compopt -o filenames 2>/dev/null
    while IFS= read -r path; do
        COMPREPLY+=("$path")
    done < <(compgen "$1" -- "${2#"$3"}")
}

# Completes as if the line began with word $1, a command that may have a completion of its own; $2 is what
# stands before the cursor of the word under it.
_lockstep_delegate() {
    local -i at=$1 i
    local piece=$2 line=$COMP_LINE
    for ((i = 0; i < at; i++)); do
        line=${line#"${line%%[![:space:]]*}"}
        line=${line#"${COMP_WORDS[i]}"}
    done
    line=${line#"${line%%[![:space:]]*}"}
    COMP_POINT=$((COMP_POINT - ${#COMP_LINE} + ${#line}))
    COMP_LINE=$line
    COMP_WORDS=("${COMP_WORDS[@]:at}")
    COMP_CWORD=$((COMP_CWORD - at))
    local tool=${COMP_WORDS[0]}
    if ((COMP_CWORD == 0)); then
        while IFS= read -r line; do
            COMPREPLY+=("$line")
        done < <(compgen -c -- "$piece")
        return 0
    fi
    local previous=${COMP_WORDS[COMP_CWORD - 1]} spec loader
    spec=$(complete -p -- "$tool" 2>/dev/null || complete -p -- "${tool##*/}" 2>/dev/null)
    if [[ -z $spec ]] && loader=$(complete -p -D 2>/dev/null) && [[ $loader =~ ' -F '([^ ]+) ]]; then
        # Where completions are loaded when they are first wanted.
        "${BASH_REMATCH[1]}" "$tool" "$piece" "$previous" >/dev/null 2>&1
        spec=$(complete -p -- "$tool" 2>/dev/null)
    fi
    _lockstep_apply "$tool" "$piece" "$previous" "$spec"
}

# Does what the line $4 of `complete -p` says.
_lockstep_apply() {
    local tool=$1 piece=$2 previous=$3 function='' program='' line
    local -a options generate
    options=() generate=()
    eval "set -- $4"
    while (($# > 1)); do
        case $1 in
            complete) ;;
            -F) function=$2 && shift ;;
            -C) program=$2 && shift ;;
            -o) options+=(-o "$2") && shift ;;
            -[AGWPSX]) generate+=("$1" "$2") && shift ;;
            *) generate+=("$1") ;;
        esac
        shift
    done
    ((${#options[@]})) && compopt "${options[@]}" 2>/dev/null
    if [[ -n $function ]]; then
        "$function" "$tool" "$piece" "$previous"
        return 0
    elif [[ -n $program ]]; then
        while IFS= read -r line; do
            COMPREPLY+=("$line")
        done < <(export COMP_LINE COMP_POINT COMP_KEY COMP_TYPE; eval "$program \"\$tool\" \"\$piece\" \"\$previous\"")
    elif ((${#generate[@]})); then
        while IFS= read -r line; do
            COMPREPLY+=("$line")
        done < <(compgen "${generate[@]}" -- "$piece")
    else
        _lockstep_paths -f "$piece" ''
    fi
    return 0
}

complete -F _lockstep lockstep
