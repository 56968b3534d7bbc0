# Offers what a program says of the line, or else files: it is called with the words before the cursor.
function __%NAME%_offer
    set -l current (commandline -ct)
    set -l found (command $argv[1] __complete "--current=$current" -- $argv[2..-1] 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path "$current"
    end
end
