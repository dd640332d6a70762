# Completion of @NAME@ for fish.
function __@NAME@_complete
    set -l words (commandline -opc) (commandline -ct)
    @NAME@ __complete $words[2..-1] 2>/dev/null
end
complete -c @NAME@ -a '(__@NAME@_complete)'
