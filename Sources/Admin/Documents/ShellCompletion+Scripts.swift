extension ShellCompletion {
    /// The script for `bash`, `zsh` or `fish`; nil = another shell.
    package static func script(_ shell: String) -> String? {
        switch shell {
        case "bash": bash
        case "zsh": zsh
        case "fish": fish
        default: nil
        }
    }

    /// How one installs the script, for help.
    static func installation(_ shell: String) -> String {
        switch shell {
        case "bash":
            "For this shell: source <(vmq-admin completion bash). For all: write it to "
                + "/usr/share/bash-completion/completions/vmq-admin."
        case "zsh":
            "For this shell: source <(vmq-admin completion zsh). For all: write it to a file _vmq-admin in a "
                + "directory of $fpath."
        default:
            "For this shell: vmq-admin completion fish | source. For all: write it to "
                + "~/.config/fish/completions/vmq-admin.fish."
        }
    }

    // bash cuts words at = and : too, and replaces what stands behind the last of them. So the words are taken from the
    // line itself, and the same part is taken away from each answer.
    private static let bash = #"""
        # Completion of vmq-admin for bash.
        _vmq_admin() {
            local line="${COMP_LINE:0:COMP_POINT}" text prefix=""
            local -a words
            read -ra words <<< "$line"
            case "$line" in *[[:space:]]) words+=("") ;; esac
            local current="${words[${#words[@]}-1]}"
            case "$current" in *[=:]*) prefix="${current%"${current##*[=:]}"}" ;; esac
            COMPREPLY=()
            while IFS=$'\t' read -r text _; do
                text="${text#"$prefix"}"
                [[ -n $text ]] || continue
                printf -v text '%q' "$text"
                COMPREPLY+=("$text")
            done < <("${words[0]}" __complete -- "${words[@]:1}" 2> /dev/null)
            if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
                compopt -o nospace 2> /dev/null
            fi
            return 0
        }
        complete -F _vmq_admin vmq-admin

        """#

    private static let zsh = #"""
        #compdef vmq-admin
        # Completion of vmq-admin for zsh.
        _vmq_admin() {
            local -a lines whole wholeHelp open openHelp
            local line text
            lines=("${(@f)$("${(Q)words[1]}" __complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2> /dev/null)}")
            for line in $lines; do
                text="${line%%$'\t'*}"
                if [[ $text == *= ]]; then
                    open+=("$text")
                    openHelp+=("${line/$'\t'/  -- }")
                else
                    whole+=("$text")
                    wholeHelp+=("${line/$'\t'/  -- }")
                fi
            done
            compadd -l -d wholeHelp -a whole
            compadd -l -S '' -d openHelp -a open
        }
        if [[ ${funcstack[1]} == _vmq_admin || ${funcstack[1]} == _vmq-admin ]]; then
            _vmq_admin "$@"
        else
            compdef _vmq_admin vmq-admin
        fi

        """#

    private static let fish = #"""
        # Completion of vmq-admin for fish.
        function __vmq_admin_complete
            set -l tokens (commandline -opc)
            set -l current (commandline -ct)
            set -l program $tokens[1]
            set -e tokens[1]
            $program __complete -- $tokens "$current" 2> /dev/null
        end
        complete -c vmq-admin -f -a '(__vmq_admin_complete)'

        """#
}
