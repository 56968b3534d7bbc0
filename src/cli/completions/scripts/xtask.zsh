# Completions of `cargo xtask` for zsh, beside those that cargo has: read it after `compinit`. They ask the program %PROGRAM% that was
# built last, and build nothing.
%OFFER%_%NAME%_xtask_program() {
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
    local program
    program=$(_%NAME%_xtask_program) && _%NAME%_offer $program "${(@)words[3,CURRENT-1]}"
}
[[ ${_comps[cargo]} != _%NAME%_xtask ]] && typeset -g _%NAME%_xtask_before=${_comps[cargo]}
compdef _%NAME%_xtask cargo
