#!/bin/sh
# What a task takes by hand whose dependencies are in a cache: the baseline of `cargo xtask bench environment`. The cache is
# mounted by the engine's command line. What the agent prints stays in a file.
# Arguments: the repository, a name for the task, then the engine's command line up to the image.
set -eu
repository=$1
task=$2
shift 2
worktree=$repository-$task
git -C "$repository" worktree add --quiet -b "$task" "$worktree"
"$@" --volume "$worktree:/workspace" "$IMAGE" claude -p --verbose --output-format stream-json <"$PROMPT" >"$OUTPUT"
git -C "$worktree" add --all
git -C "$worktree" commit --quiet --message "$task"
git -C "$repository" merge --quiet --no-edit "$task"
git -C "$repository" worktree remove --force "$worktree"
git -C "$repository" branch --quiet --delete --force "$task"
