# Completions of `cargo xtask` for fish, beside those that cargo has. They ask the program %PROGRAM% that was built last, and build
# nothing.
%OFFER%function __%NAME%_xtask_program
    set -l folder $PWD
    while true
        for program in $CARGO_TARGET_DIR/debug/%PROGRAM% $folder/target/debug/%PROGRAM%
            if test -x $program
                echo $program
                return
            end
        end
        test -z "$folder"; and return 1
        set folder (string replace -r '/[^/]*$' '' -- $folder)
    end
end
function __%NAME%_xtask_completions
    set -l program (__%NAME%_xtask_program); or return
    set -l words (commandline -opc)
    __%NAME%_offer $program $words[3..-1]
end
function __%NAME%_xtask_is_meant
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test "$words[2]" = xtask
end
complete -c cargo -n __%NAME%_xtask_is_meant -f -a '(__%NAME%_xtask_completions)'
