# Completions of %PROGRAM% for bash. They ask the program itself, and fall back to files.
%OFFER%_%NAME%_completions() {
    _%NAME%_offer %PROGRAM% "${COMP_WORDS[@]:1:COMP_CWORD-1}"
}
complete -o bashdefault -o default -F _%NAME%_completions %PROGRAM%
