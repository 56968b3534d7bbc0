# Completions of %PROGRAM% for fish. They ask the program itself, and fall back to files.
function __%NAME%_completions
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found (command %PROGRAM% __complete "--current=$current" -- $words[2..-1] 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path "$current"
    end
end
complete -c %PROGRAM% -f -a '(__%NAME%_completions)'
