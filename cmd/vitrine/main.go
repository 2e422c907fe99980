// Command vitrine is a self-hosted registry for machine-learning models: the
// server, its administration, and a client, in one binary.
package main

import (
	"os"

	"github.com/vitrine-ml/vitrine/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
