# Offers what a program says of the line, or else files: it is called with the words before the cursor.
_%NAME%_offer() {
    local -a found
    local line program=$1
    shift
    for line in "${(@f)$(command $program __complete "--current=${words[CURRENT]}" -- "$@" 2>/dev/null)}"; do
        [[ -n $line ]] && found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    if (( $#found )); then
        _describe -V 'value' found
    else
        _files
    fi
}
