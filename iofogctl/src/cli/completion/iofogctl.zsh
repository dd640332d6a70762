#compdef @NAME@
# Completion of @NAME@ for zsh.
_@NAME@() {
    local -a lines described
    local line
    lines=("${(@f)$(@NAME@ __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    for line in $lines; do
        [[ -n $line ]] && described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    if (( ${#described} )); then
        _describe '@NAME@' described
    else
        _files
    fi
}
if [[ $funcstack[1] == _@NAME@ ]]; then
    _@NAME@ "$@"
else
    compdef _@NAME@ @NAME@
fi
