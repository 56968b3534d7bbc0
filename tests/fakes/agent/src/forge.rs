//! Attacks on `.git`: what an agent may try, from clumsiness or worse.

use std::fs;
use std::io;

use crate::files;

const CONFIG: &str = "[core]\n\tfsmonitor = touch forged\n\thooksPath = /workspace/forged-git/hooks\n\tworktree = /\n";
const HOOK: &str = "#!/bin/sh\ntouch forged\n";

/// Tries everything and says what succeeded, one attack a line.
pub(crate) fn attack() -> String {
    type Attack = (&'static str, fn() -> io::Result<()>);
    const ATTACKS: [Attack; 7] = [
        ("make a forged repository", forged_repository),
        ("write .git/config", || fs::write(".git/config", CONFIG)),
        ("write .git/hooks/post-checkout", || {
            files::write(".git/hooks/post-checkout", HOOK)
        }),
        ("rewrite .git", || fs::write(".git", "gitdir: /workspace/forged-git\n")),
        ("move .git", || fs::rename(".git", "moved-git")),
        ("remove .git", || files::delete(".git")),
        ("put a repository in place of .git", || fs::rename("forged-git", ".git")),
    ];
    let told = ATTACKS.map(|(name, attack)| match attack() {
        Ok(()) => format!("{name}: done\n"),
        Err(error) => format!("{name}: {error}\n"),
    });
    told.concat()
}

fn forged_repository() -> io::Result<()> {
    files::write("forged-git/HEAD", "ref: refs/heads/main\n")?;
    files::write("forged-git/config", CONFIG)?;
    files::write("forged-git/hooks/post-checkout", HOOK)?;
    fs::create_dir_all("forged-git/objects")?;
    fs::create_dir_all("forged-git/refs")
}
