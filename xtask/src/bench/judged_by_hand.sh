#!/bin/sh
# What an attempt with three gates, a fix round and a review takes by hand: the baseline of `cargo xtask bench quality`. A
# worktree for the work, one for the gates each time that they run, one for the review; one container a gate and call.
# Arguments: the repository, a name for the task, then the engine's command line up to the image.
# PROMPT, FIX and REVIEW are the files with the prompts.
set -eu
repository=$1
task=$2
shift 2
worktree=$repository-$task

call() {
	prompt=$1
	folder=$2
	shift 2
	"$@" --volume "$folder:/workspace" "$IMAGE" claude -p --verbose --output-format stream-json <"$prompt" >"$worktree.jsonl"
}

gates() {
	git -C "$repository" worktree add --quiet --detach "$worktree-gates" "$task"
	red=
	for gate in exit=0 cat=src/d000/f000.txt exit_of=src/code; do
		"$@" --volume "$worktree-gates:/workspace" "$IMAGE" sh -c "$gate" >"$worktree.gate" </dev/null || red=$gate
	done
	git -C "$repository" worktree remove --force "$worktree-gates"
}

commit() {
	git -C "$worktree" add --all
	git -C "$worktree" commit --quiet --message "$task"
}

git -C "$repository" worktree add --quiet -b "$task" "$worktree"
call "$PROMPT" "$worktree" "$@"
commit
gates "$@"
test "$red" = exit_of=src/code
call "$FIX" "$worktree" "$@"
commit
gates "$@"
test -z "$red"
git -C "$repository" worktree add --quiet --detach "$worktree-review" "$task"
call "$REVIEW" "$worktree-review" "$@"
git -C "$repository" worktree remove --force "$worktree-review"
git -C "$repository" merge --quiet --no-edit "$task"
git -C "$repository" worktree remove --force "$worktree"
git -C "$repository" branch --quiet --delete --force "$task"
rm -f "$worktree.jsonl" "$worktree.gate"
