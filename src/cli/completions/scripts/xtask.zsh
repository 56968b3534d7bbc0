# Completions of `cargo xtask` for zsh, beside those that cargo has: read it after `compinit`. They ask the program %PROGRAM% that was
# built last, and build nothing.
_%NAME%_xtask_program() {
    local folder=$PWD program
    while true; do
        for program in ${CARGO_TARGET_DIR:+$CARGO_TARGET_DIR/debug/%PROGRAM%} $folder/target/debug/%PROGRAM%; do
            [[ -x $program ]] && print -r -- $program && return
        done
        [[ -z $folder ]] && return 1
        folder=${folder%/*}
    done
}
_%NAME%_xtask() {
    if [[ ${words[2]} != xtask ]] || (( CURRENT < 3 )); then
        [[ -n $_%NAME%_xtask_before ]] && $_%NAME%_xtask_before "$@"
        return
    fi
    local -a found
    local line program
    program=$(_%NAME%_xtask_program) || return 1
    for line in "${(@f)$($program __complete "--current=${words[CURRENT]}" -- "${(@)words[3,CURRENT-1]}" 2>/dev/null)}"; do
        [[ -n $line ]] && found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    if (( $#found )); then
        _describe -V 'value' found
    else
        _files
    fi
}
[[ ${_comps[cargo]} != _%NAME%_xtask ]] && typeset -g _%NAME%_xtask_before=${_comps[cargo]}
compdef _%NAME%_xtask cargo
