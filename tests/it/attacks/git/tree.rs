//! Repositories and links in the tree, and in the place of `.git`.

use crate::attacks::git::{Attack, Becomes, Trigger};

/// A repository in a folder, whose configuration runs a program; `{at}` is the folder.
const FORGED: &str = "try write {at}/HEAD ref: refs/heads/main
try write {at}/config <<END
[core]
	repositoryformatversion = 0
	bare = false
	worktree = {worktree}
	fsmonitor = touch {marker}
END
try write {at}/objects/info/.keep x
try write {at}/refs/heads/.keep x
";

fn forged(at: &str, worktree: &str) -> String {
    FORGED.replace("{at}", at).replace("{worktree}", worktree)
}

const STATUS: &str = "git status";

pub(super) fn attacks() -> Vec<Attack> {
    let replaced = |name, how: &str| {
        let script = forged("src/forged", "../..") + "try delete .git\ntry rename .git moved\n" + how;
        Attack::new(name, &script, STATUS, Becomes::Held)
    };
    vec![
        replaced("a file in the place of .git", "try write .git gitdir: src/forged\n"),
        replaced("a link in the place of .git", "try symlink .git src/forged\n"),
        replaced("a folder in the place of .git", "try copy src/forged .git\n"),
        replaced(
            "another common folder",
            "try write gitdir/commondir ../src/forged\ntry write gitdir/HEAD ref: refs/heads/main\n\
             try write .git gitdir: gitdir\n",
        ),
        Attack::new(
            "a FIFO in the place of .git",
            "try delete .git\ntry rename .git src/moved\ntry fifo .git\n",
            "timeout 1 cat .git; test $? = 124 && touch {marker}",
            Becomes::Merged,
        ),
        Attack::new(
            "a bare repository in the tree",
            &forged("src/bare", ".."),
            "cd src/bare && git status",
            Becomes::Held,
        ),
        Attack::new(
            "a nested repository",
            &forged("src/nested/.git", ".."),
            "cd src/nested && git status",
            Becomes::Held,
        ),
        Attack::new(
            "a nested repository in other letters",
            &(forged("src/letters/.GIT", "..") + "try write src/letters/git~1/config x\n"),
            "cd src/letters && mv .GIT .git && git status",
            Becomes::Held,
        ),
        Attack::new(
            "the repository of a submodule",
            &forged("sub/.git", ".."),
            STATUS,
            Becomes::Merged,
        ),
        Attack::new(
            "a submodule that is updated by a command",
            "try append .gitmodules <<END\n\tupdate = !touch {marker}\nEND\n",
            // A reader that takes the submodule's settings over by hand: git itself has learnt not to.
            "command=$(git config -f .gitmodules submodule.sub.update); git checkout -q .gitmodules
             git config submodule.sub.update \"$command\"; git submodule update --init",
            Becomes::Held,
        ),
        // It fails, so that the link is still there when the next task's files are laid out.
        Attack::new(
            "file.txt",
            "try delete src/folder\ntry symlink src/folder {markers}\nfail as planned\n",
            "",
            Becomes::Held,
        )
        .waiting_for(Trigger::ForcedCheckout),
        Attack::new(
            "a link into the git folder",
            "try symlink src/hooks ../.git/hooks\ntry write src/hooks/post-commit <<END\n#!/bin/sh\ntouch {marker}\nEND\n\
             try mode src/hooks/post-commit 755\n",
            "git commit -q --allow-empty -m x",
            Becomes::Held,
        ),
    ]
}
