#!/bin/sh
# Loads the completions of target/package into their shells, and has bash and fish complete
# `ringcheck st`. In zsh only a terminal can ask.
set -eu
cd "$(dirname "$0")/../target/package"

same() {
    if [ "$2" != "$3" ]; then
        echo "completions: $1 says not \`$3\` but: $(echo "$2" | head -n 1)" >&2
        exit 1
    fi
}

# shellcheck disable=SC2016
bash='. ./ringcheck.bash; COMP_WORDS=(ringcheck st); COMP_CWORD=1; _ringcheck ringcheck st ringcheck
    echo "${COMPREPLY[@]}"'
same bash "$(bash -uc "$bash" 2>&1)" status

fish='source ringcheck.fish; complete --do-complete "ringcheck st" | string split --fields 1 \t'
same fish "$(fish --no-config --command "$fish" 2>&1)" status

# shellcheck disable=SC2016
zsh='fpath=($PWD $fpath); autoload -U compinit; compinit -D -u; autoload +X _ringcheck
    echo $_comps[ringcheck]'
same zsh "$(zsh -fc "$zsh" 2>&1)" _ringcheck
