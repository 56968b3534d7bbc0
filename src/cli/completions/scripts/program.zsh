#compdef %PROGRAM%
# Completions of %PROGRAM% for zsh. They ask the program itself, and fall back to files.
%OFFER%_%NAME%() {
    _%NAME%_offer %PROGRAM% "${(@)words[2,CURRENT-1]}"
}
if [[ $funcstack[1] == _%NAME% ]]; then
    _%NAME% "$@"
else
    compdef _%NAME% %PROGRAM%
fi
