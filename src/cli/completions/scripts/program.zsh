#compdef %PROGRAM%
# Completions of %PROGRAM% for zsh. They ask the program itself, and fall back to files.
_%NAME%() {
    local -a found
    local line
    for line in "${(@f)$(command %PROGRAM% __complete "--current=${words[CURRENT]}" -- "${(@)words[2,CURRENT-1]}" 2>/dev/null)}"; do
        [[ -n $line ]] && found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    if (( $#found )); then
        _describe -V 'value' found
    else
        _files
    fi
}
if [[ $funcstack[1] == _%NAME% ]]; then
    _%NAME% "$@"
else
    compdef _%NAME% %PROGRAM%
fi
