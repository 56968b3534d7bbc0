# Completions of %PROGRAM% for elvish. They ask the program itself, and fall back to files.
use str
set edit:completion:arg-completer[%PROGRAM%] = {|@words|
    var found = [(try { (external %PROGRAM%) __complete --current=$words[-1] -- (all $words[1..-1]) 2>/dev/null | from-lines } catch e { nop })]
    if (== (count $found) 0) {
        edit:complete-filename $@words
    } else {
        for line $found {
            var value about = (str:split "\t" $line)
            edit:complex-candidate $value &display=$value" "$about
        }
    }
}
