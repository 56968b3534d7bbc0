# Offers what a program says of the line: it is called with the words before the cursor.
_%NAME%_offer() {
    local value _about program=$1
    shift
    COMPREPLY=()
    while IFS=$'\t' read -r value _about; do
        COMPREPLY+=("$(printf %q "$value")")
    done < <(command "$program" __complete "--current=${COMP_WORDS[COMP_CWORD]}" -- "$@" 2>/dev/null)
}
