//! Hooks: every one that git runs without a server or another program.

use crate::attacks::git::{Attack, Becomes};

/// Hooks, and what runs them.
const HOOKS: [(&str, &str); 19] = [
    ("pre-commit", COMMIT),
    ("prepare-commit-msg", COMMIT),
    ("commit-msg", COMMIT),
    ("post-commit", COMMIT),
    ("reference-transaction", COMMIT),
    ("post-index-change", "git reset -q --hard other"),
    ("post-checkout", "git checkout -q other"),
    ("pre-merge-commit", MERGE),
    ("post-merge", MERGE),
    ("pre-rebase", "git rebase -q other"),
    ("post-rewrite", "git commit -q --amend -m again"),
    ("applypatch-msg", APPLY),
    ("pre-applypatch", APPLY),
    ("post-applypatch", APPLY),
    ("pre-push", PUSH),
    ("pre-receive", PUSH),
    ("update", PUSH),
    ("post-receive", PUSH),
    ("post-update", PUSH),
];

const COMMIT: &str = "git commit -q --allow-empty -m x";
const MERGE: &str = "git merge -q --no-ff -m x other";
const APPLY: &str = "git format-patch -1 --stdout other | git am -q";
const PUSH: &str = "git push -q . HEAD:refs/heads/pushed";

pub(super) fn attacks() -> Vec<Attack> {
    let hook = |&(name, trigger): &(&str, &'static str)| {
        let path = format!("{{git}}/hooks/{name}");
        let script = format!("try write {path} <<END\n#!/bin/sh\ntouch {{marker}}\nEND\ntry mode {path} 755\n");
        Attack::new(name, &script, trigger, Becomes::Merged)
    };
    HOOKS.iter().map(hook).collect()
}
