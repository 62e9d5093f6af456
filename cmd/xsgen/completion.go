package main

import (
	"flag"
	"fmt"
	"strings"
)

var completionVerb = verb{
	name: "completion", args: "bash|zsh|fish", short: "print what completes xsgen's words in a shell",
	long: `Prints a script that completes verbs and their arguments. In bash

  source <(xsgen completion bash)

and so in zsh; in fish

  xsgen completion fish | source
`,
}

// The list of verbs would be a cycle of initialisation.
func init() { completionVerb.run = (*app).completion }

func (a *app) completion(fs *flag.FlagSet, args []string) (int, error) {
	args, err := parse(fs, args)
	if err != nil {
		return 0, err
	}
	scripts := map[string]func() string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
	if len(args) != 1 || scripts[args[0]] == nil {
		a.complain("say for which shell: xsgen completion bash, zsh or fish")
		return 0, errUsage
	}
	a.printf("%s", scripts[args[0]]())
	return exitOK, nil
}

// words are what may follow a verb, where that is one of a few; nil are files.
func (v verb) words() []string {
	if v.name == "help" {
		return verbNames()
	}
	if !strings.Contains(v.args, "|") {
		return nil
	}
	return strings.Split(v.args, "|")
}

func verbNames() []string {
	var names []string
	for _, v := range verbs() {
		names = append(names, v.name)
	}
	return names
}

// bashCompletion completes by a function, which knows the verb by the first word.
func bashCompletion() string {
	var cases strings.Builder
	for _, v := range verbs() {
		if words := v.words(); words != nil {
			fmt.Fprintf(&cases, "    %s) COMPREPLY=($(compgen -W %q -- \"$word\")) ;;\n", v.name, strings.Join(words, " "))
		}
	}
	return fmt.Sprintf(`_xsgen() {
  local word="${COMP_WORDS[COMP_CWORD]}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W %q -- "$word"))
    return
  fi
  case "${COMP_WORDS[1]}" in
%s    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _xsgen xsgen
`, strings.Join(verbNames(), " "), cases.String())
}

// zshCompletion has zsh use bash's.
func zshCompletion() string {
	return "autoload -U +X bashcompinit && bashcompinit\n" + bashCompletion()
}

// fishCompletion has a line for each verb, and for each word of its.
func fishCompletion() string {
	var b strings.Builder
	for _, v := range verbs() {
		fmt.Fprintf(&b, "complete -c xsgen -n __fish_use_subcommand -f -a %s -d %q\n", v.name, v.short)
		for _, w := range v.words() {
			fmt.Fprintf(&b, "complete -c xsgen -n '__fish_seen_subcommand_from %s' -f -a %s\n", v.name, w)
		}
	}
	return b.String()
}
