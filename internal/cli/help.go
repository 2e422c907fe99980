package cli

import "github.com/spf13/cobra"

// helpTopics are pages of vitrine help that belong to no one command.
func helpTopics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "exit-codes", Short: "Exit codes of all commands", Long: exitCodesHelp},
		{Use: "environment", Short: "Variables and files that the commands read", Long: environmentHelp},
		{Use: "ci", Short: "Vitrine in GitLab CI and GitHub Actions", Long: ciHelp},
		{Use: "gitlab", Short: "Which commands work with a GitLab server", Long: gitlabHelp},
	}
}

const exitCodesHelp = `Exit codes of all commands:

  0    success
  1    failure without a code of its own
  2    the command is written wrongly: unknown flags, missing arguments
  3    what is named does not exist, or you may not know that it does
  4    not signed in, or not allowed
  5    bytes are not those that their SHA-256 says
  6    something else is there already: files that pull would overwrite, an alias that
       is not where --expect says, a name that is taken
  130  interrupted by Ctrl-C or SIGTERM; the message tells how to go on

vitrine run exec ends with the exit code of its command. vitrine verify ends with 1 when a
stored byte is bad. Errors are on standard error and begin with "vitrine: "; standard
output has only what was asked for, with --json as one JSON document.`

const environmentHelp = `Variables of the client commands:

  VITRINE_SERVER    address of the server, as https://models.example.org
  VITRINE_TOKEN     API token for it
  VITRINE_PROJECT   project of names that come without one
  VITRINE_RUN       run of vitrine run log, put, finish, show and promote
  NO_COLOR          no colours, whatever the value
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY   proxies

A flag beats a variable, which beats the variables of a CI job (vitrine help ci), which
beat the sign-ins of vitrine login. These are in vitrine/config.json below
$XDG_CONFIG_HOME or ~/.config, and only you can read them. A token is sent only to the
server that it came with.

The variables of the server are in vitrine serve --help. Progress bars are drawn on
terminals only; elsewhere there is a line for each file, and none with --quiet.`

const ciHelp = `In a job of GitLab CI nothing has to be set to use the GitLab that runs the job: the
commands take the server from CI_API_V4_URL (or CI_SERVER_URL), the token from
CI_JOB_TOKEN, sent as JOB-TOKEN, and the project of short names from CI_PROJECT_PATH.

To use a Vitrine from there, or from GitHub Actions, set VITRINE_SERVER, VITRINE_TOKEN
(masked) and VITRINE_PROJECT as variables of the project. The job's own token is then not
sent anywhere.

vitrine run start and run exec link the run to its job: GitLab's number of the job
(CI_JOB_ID), and the metadata ci.job_url, git.commit and git.ref, from CI_JOB_URL,
CI_COMMIT_SHA and CI_COMMIT_REF_NAME, or from GITHUB_RUN_ID, GITHUB_SHA and
GITHUB_REF_NAME.

The folder examples of the source has a whole job for each.`

const gitlabHelp = `The commands work with a Vitrine and, as far as it goes, with a real GitLab. GitLab has REST
addresses for accounts, projects, packages and the files of models only; for the rest the
commands ask it by GraphQL (models and versions) and MLflow's API (runs and experiments).

With a GitLab these work as with a Vitrine:
  login, logout, whoami, servers, completion
  ls, show, push, pull, compare
  run start, log, put, finish, exec, show, promote
  token list, revoke, rotate

And these in part:
  edit         descriptions; GitLab has no metadata to edit, and models keep their names
  rm           models and versions; not single files
  run ls       of a model or an experiment; not of a whole project
  search       projects; of one project models and experiments, not runs
  @latest      is the highest version; GitLab has no other aliases

These do not: alias, push --alias and --metadata, token create. They end with a message
that says so and with exit code 1.

A GitLab finds a run by its id, so vitrine run start prints PROJECT#ID there. It needs an
access token with the scope api: a job token may move files only. Files larger than 64 MiB
are fetched in parts, which GitLab's storage has to allow.`
