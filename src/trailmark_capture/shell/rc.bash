# What a terminal of Trailmark starts with: the person's own settings, the project's environment, the hook.
if [[ -r ~/.bashrc ]]; then
    . ~/.bashrc
fi
# A version manager in those settings may have put its own programs first.
if [[ -n ${VIRTUAL_ENV-} && $PATH != "$VIRTUAL_ENV/bin:"* ]]; then
    PATH=$VIRTUAL_ENV/bin:$PATH
fi
. "${BASH_SOURCE[0]%/*}/hook.bash"
