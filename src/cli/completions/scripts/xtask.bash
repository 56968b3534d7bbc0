# Completions of `cargo xtask` for bash, beside those that cargo has. They ask the program %PROGRAM% that was built last, and build
# nothing.
%OFFER%_%NAME%_xtask_program() {
    local folder=$PWD program
    while true; do
        for program in ${CARGO_TARGET_DIR:+"$CARGO_TARGET_DIR/debug/%PROGRAM%"} "$folder/target/debug/%PROGRAM%"; do
            [[ -x $program ]] && printf %s "$program" && return
        done
        [[ -z $folder ]] && return 1
        folder=${folder%/*}
    done
}
_%NAME%_xtask_completions() {
    local program
    if [[ ${COMP_WORDS[1]} == xtask ]] && ((COMP_CWORD > 1)); then
        COMPREPLY=()
        program=$(_%NAME%_xtask_program) && _%NAME%_offer "$program" "${COMP_WORDS[@]:2:COMP_CWORD-2}"
    elif [[ -n $_%NAME%_xtask_before ]]; then
        "$_%NAME%_xtask_before" "$@"
    fi
}
# What completes cargo otherwise: bash-completion loads that when it is first needed.
declare -F _completion_loader >/dev/null && _completion_loader cargo >/dev/null 2>&1
declare -F _comp_load >/dev/null && _comp_load cargo >/dev/null 2>&1
_%NAME%_xtask_before=$(complete -p cargo 2>/dev/null | sed -n 's/.* -F \([^ ]*\) .*/\1/p')
[[ $_%NAME%_xtask_before == _%NAME%_xtask_completions ]] && _%NAME%_xtask_before=
complete -o bashdefault -o default -F _%NAME%_xtask_completions cargo
