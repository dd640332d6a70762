# Completion of @NAME@ for bash.
_@NAME@_complete() {
    local words candidates word
    words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    candidates="$(@NAME@ __complete "${words[@]}" 2>/dev/null)" || return
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        [ -n "$word" ] && COMPREPLY+=("$word")
    done <<< "$candidates"
}
complete -o bashdefault -o default -F _@NAME@_complete @NAME@
