package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// shells are those with completion, and where they look for it.
var shells = []struct{ name, hint string }{
	{"bash", `It needs the package bash-completion. In this shell:
  source <(vitrine completion bash)
For all that follow:
  vitrine completion bash >~/.local/share/bash-completion/completions/vitrine`},
	{"zsh", `In this shell:
  source <(vitrine completion zsh)
For all that follow, in a folder of your $fpath:
  vitrine completion zsh >"${fpath[1]}/_vitrine"`},
	{"fish", `In this shell:
  vitrine completion fish | source
For all that follow:
  vitrine completion fish >~/.config/fish/completions/vitrine.fish`},
}

// completionCommand prints the scripts. What they complete is in client_complete.go.
func completionCommand(env Env) *cobra.Command {
	cmd := parent("completion", "Print the completion script of a shell")
	cmd.Long = `Print the script that completes commands, flags, and names on the server: projects,
models, versions, aliases, files and runs. The server is asked as the command itself
would ask it, for a second at most; when it does not answer nothing is offered.`
	for _, s := range shells {
		cmd.AddCommand(&cobra.Command{Use: s.name, Short: "Print the completion script of " + s.name, Long: s.hint, Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return writeCompletion(cmd.Root(), s.name, env.Stdout) }})
	}
	return cmd
}

func writeCompletion(root *cobra.Command, shell string, w io.Writer) error {
	switch shell {
	case "zsh":
		return root.GenZshCompletion(w)
	case "fish":
		return root.GenFishCompletion(w, true)
	}
	var b bytes.Buffer
	if err := root.GenBashCompletionV2(&b, true); err != nil {
		return err
	}
	script, err := keepAliasesWhole(b.String())
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, script)
	return err
}

// keepAliasesWhole teaches cobra's script for bash that "@" is part of a word,
// as it does itself for ":" and "=".
func keepAliasesWhole(script string) (string, error) {
	for old, now := range map[string]string{
		" -n =:":                                 " -n =:@",
		`__vitrine_handle_special_char "$cur" :`: "__vitrine_handle_special_char \"$cur\" :\n    __vitrine_handle_special_char \"$cur\" @",
	} {
		if !strings.Contains(script, old) {
			return "", fmt.Errorf("cobra's completion script for bash has changed: no %q in it", old)
		}
		script = strings.ReplaceAll(script, old, now)
	}
	return script, nil
}
