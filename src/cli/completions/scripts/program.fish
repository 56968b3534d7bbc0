# Completions of %PROGRAM% for fish. They ask the program itself, and fall back to files.
%OFFER%function __%NAME%_completions
    set -l words (commandline -opc)
    __%NAME%_offer %PROGRAM% $words[2..-1]
end
complete -c %PROGRAM% -f -a '(__%NAME%_completions)'
