# Notes each command of an interactive bash (5.0 or later) in the spool that TRAILMARK_SHELL_SPOOL names. The file
# of TRAILMARK_SHELL_SCRATCH takes what builtins can only print.
#
# No process is started. A note is a begin (B) when a command starts and an end (E) when the prompt is back; both
# say all that is known by then. A note stands between two pairs of NUL; its fields are separated by one NUL and
# begin with "=", the last one is ".": so a note that was torn is known for what it is.
#
#   H  pid, start time of the process, boot id, version of bash
#   B  id, start in microseconds, folder, hidden, text
#   E  the same, end in microseconds, exit code
#
# PS0 only takes the time: it can't run anything without a process. A DEBUG trap that removes itself writes the
# begin. Where somebody else has a DEBUG trap, and for a subshell alone, there is no begin, only an end.
#
# "hidden" is 1 for what the shell's history leaves out (HISTCONTROL, HISTIGNORE): then the text is the first
# word alone.

[[ $- == *i* && -n ${TRAILMARK_SHELL_SPOOL-} && -z ${__trailmark_spool-} ]] || return 0
((BASH_VERSINFO[0] >= 5)) || return 0

__trailmark_spool=$TRAILMARK_SHELL_SPOOL
__trailmark_scratch=${TRAILMARK_SHELL_SCRATCH-${TRAILMARK_SHELL_SPOOL%.spool}.scratch}
unset TRAILMARK_SHELL_SPOOL TRAILMARK_SHELL_SCRATCH

__trailmark_void= __trailmark_last= __trailmark_status=0
__trailmark_run=0 __trailmark_begun=0 __trailmark_start=0 __trailmark_lines=0
__trailmark_id= __trailmark_text= __trailmark_hidden=0
__trailmark_seen= __trailmark_folder=$PWD __trailmark_word= __trailmark_kept_word=

__trailmark_line='^ *[0-9]+[* ] (.*)$'
__trailmark_ps0='${__trailmark_void:$((__trailmark_start=${EPOCHREALTIME/[.,]/},__trailmark_run=1,0)):0}'
if [[ ${TERM-dumb} != dumb ]]; then
    __trailmark_ps0+='\e]133;C\a'
fi
__trailmark_trap='__trailmark_last=$_
if ((__trailmark_run)); then trap - DEBUG; __trailmark_begin; fi
: "$__trailmark_last"'

# Arguments as of printf; one call is one write.
__trailmark_write() {
    printf "$@" >>"$__trailmark_spool"
} 2>/dev/null

__trailmark_begin() {
    __trailmark_begun=1
    __trailmark_word=$BASH_COMMAND
    __trailmark_identify
    __trailmark_read_text
    __trailmark_write '\0\0B\0=%s\0=%s\0=%s\0=%s\0=%s\0.\0\0' "$__trailmark_id" "$__trailmark_start" \
        "$__trailmark_folder" "$__trailmark_hidden" "$__trailmark_text"
}

# The id of a record: the time in ten digits of Crockford's base 32, and chance, for which hexadecimal digits do.
__trailmark_identify() {
    local digits=0123456789ABCDEFGHJKMNPQRSTVWXYZ chance=
    local -i at=__trailmark_start/1000
    if [[ -n ${SRANDOM-} ]]; then
        printf -v chance '%08X%08X' "$SRANDOM" "$SRANDOM"
    else
        printf -v chance '%04X%04X%04X%04X' "$RANDOM" "$RANDOM" "$RANDOM" "$RANDOM"
    fi
    __trailmark_id=${digits:at >> 45 & 31:1}${digits:at >> 40 & 31:1}${digits:at >> 35 & 31:1}
    __trailmark_id+=${digits:at >> 30 & 31:1}${digits:at >> 25 & 31:1}${digits:at >> 20 & 31:1}
    __trailmark_id+=${digits:at >> 15 & 31:1}${digits:at >> 10 & 31:1}${digits:at >> 5 & 31:1}
    __trailmark_id+=${digits:at & 31:1}$chance
}

# Whether what the history has last is the command: it is new there, or the same as before and left out for that.
__trailmark_is_in_history() {
    if [[ $1 != "$__trailmark_seen" ]]; then
        return 0
    elif ((__trailmark_begun)); then
        [[ $__trailmark_word == "$__trailmark_kept_word" ]]
    else
        [[ -z ${HISTIGNORE-} && ${HISTCONTROL-} != *@(ignorespace|ignoreboth)* ]]
    fi
}

__trailmark_read_text() {
    local -a lines=()
    { HISTTIMEFORMAT= builtin history 1; printf '\0'; } >>"$__trailmark_scratch"
    mapfile -d '' -s "$__trailmark_lines" -t lines <"$__trailmark_scratch"
    ((__trailmark_lines += 1))
    local latest=${lines[0]-}
    if __trailmark_is_in_history "$latest"; then
        __trailmark_hidden=0
        [[ $latest =~ $__trailmark_line ]] && latest=${BASH_REMATCH[1]}
        __trailmark_text=$latest
    else
        __trailmark_hidden=1
        __trailmark_text=${__trailmark_word%%[[:space:]]*}
        [[ $__trailmark_text != *=* ]] || __trailmark_text=
    fi
} 2>/dev/null

# First in PROMPT_COMMAND: the command is over.
__trailmark_end() {
    local status=${1-$?} ended=${EPOCHREALTIME/[.,]/}
    ((__trailmark_run)) || return "$status"
    if ((!__trailmark_begun)); then
        __trailmark_word=
        __trailmark_identify
        __trailmark_read_text
    fi
    if [[ ${TERM-dumb} != dumb ]]; then
        printf '\e]133;D;%s;trailmark=%s\a' "$status" "$__trailmark_id" >&2
    fi
    __trailmark_write '\0\0E\0=%s\0=%s\0=%s\0=%s\0=%s\0=%s\0=%s\0.\0\0' "$__trailmark_id" "$__trailmark_start" \
        "$__trailmark_folder" "$__trailmark_hidden" "$__trailmark_text" "$ended" "$status"
    ((__trailmark_hidden)) || __trailmark_kept_word=$__trailmark_word
    __trailmark_run=0 __trailmark_begun=0
    return "$status"
}

# Last in PROMPT_COMMAND: another command may come. Returns whether the DEBUG trap is free.
__trailmark_ready() {
    local -a lines=()
    __trailmark_end "$__trailmark_status"
    mapfile -d '' -s "$__trailmark_lines" -t lines <"$__trailmark_scratch"
    ((__trailmark_lines += 2))
    __trailmark_folder=$PWD __trailmark_seen=${lines[0]-}
    local foreign=${lines[1]-unknown}
    # To empty a file costs far more than to add to it.
    if ((__trailmark_lines > 300 || ${#lines[@]} != 2)); then
        : >|"$__trailmark_scratch"
        __trailmark_lines=0
    fi
    if ! shopt -q promptvars; then
        PS0=${PS0//"$__trailmark_ps0"/}
    elif [[ ${PS0-} != *"$__trailmark_ps0"* ]]; then
        PS0=${PS0-}$__trailmark_ps0
    fi
    [[ -z $foreign || $foreign == *__trailmark_begin* ]]
}

# A function does not see the trap.
__trailmark_arm='__trailmark_status=$?
{ HISTTIMEFORMAT= builtin history 1; printf "\0"; trap -p DEBUG; printf "\0"; } 2>/dev/null >>"$__trailmark_scratch" &&
    __trailmark_ready && trap -- "$__trailmark_trap" DEBUG'
if ((BASH_VERSINFO[0] > 5 || BASH_VERSINFO[1] >= 1)); then
    PROMPT_COMMAND=(__trailmark_end "${PROMPT_COMMAND[@]}" "$__trailmark_arm")
else
    export -n PROMPT_COMMAND=__trailmark_end$'\n'${PROMPT_COMMAND-}$'\n'$__trailmark_arm
fi

__trailmark_introduce() {
    local stat= boot= IFS=' '
    local -a fields=()
    read -r stat </proc/$$/stat
    read -r boot </proc/sys/kernel/random/boot_id
    read -r -a fields <<<"${stat##*) }"
    __trailmark_write '\0\0H\0=%s\0=%s\0=%s\0=%s\0.\0\0' "$$" "${fields[19]-}" "$boot" "$BASH_VERSION"
} 2>/dev/null
__trailmark_introduce
