#!/bin/sh
# What one task takes by hand: the baseline of `cargo xtask bench task` and of `cargo xtask bench environment`, where the
# engine's command line mounts a cache, too, and OUTPUT is the file that keeps what the agent prints.
# Arguments: the repository, a name for the task, then the engine's command line up to the image.
set -eu
repository=$1
task=$2
shift 2
worktree=$repository-$task
git -C "$repository" worktree add --quiet -b "$task" "$worktree"
"$@" --volume "$worktree:/workspace" "$IMAGE" claude -p --verbose --output-format stream-json <"$PROMPT" >"${OUTPUT:-$worktree.jsonl}"
git -C "$worktree" add --all
git -C "$worktree" commit --quiet --message "$task"
git -C "$repository" merge --quiet --no-edit "$task"
git -C "$repository" worktree remove --force "$worktree"
git -C "$repository" branch --quiet --delete --force "$task"
rm -f "$worktree.jsonl"
