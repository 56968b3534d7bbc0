# Completions of %PROGRAM% for bash. They ask the program itself, and fall back to files.
_%NAME%_completions() {
    local value _about
    COMPREPLY=()
    while IFS=$'\t' read -r value _about; do
        COMPREPLY+=("$(printf %q "$value")")
    done < <(command %PROGRAM% __complete "--current=${COMP_WORDS[COMP_CWORD]}" -- "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)
}
complete -o bashdefault -o default -F _%NAME%_completions %PROGRAM%
