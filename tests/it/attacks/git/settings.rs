//! Settings by which git runs programs, includes files, or works somewhere else.

use crate::attacks::git::{Attack, Becomes};

/// A setting: what is appended to `{git}/config`, what else the agent writes, and what uses it.
struct Setting {
    name: &'static str,
    config: &'static str,
    files: &'static str,
    trigger: &'static str,
}

const fn setting(name: &'static str, config: &'static str, files: &'static str, trigger: &'static str) -> Setting {
    Setting {
        name,
        config,
        files,
        trigger,
    }
}

const NOTHING: &str = "";
const STATUS: &str = "git status";
const DIFF: &str = "echo more >> README.md; git diff";
const ADD: &str = "echo more >> README.md; git add -A";
const MERGE: &str = "echo more >> README.md; git commit -qam more; git merge -q other";
const CREDENTIAL: &str = "printf 'protocol=https\\nhost=example.org\\n\\n' | git credential fill";
const EVIL: &str = "try write .gitattributes * filter=evil diff=evil merge=evil\n";
/// A program in the tree.
const PROGRAM: &str = "try write tools/program <<END\n#!/bin/sh\ntouch {marker}\nEND\ntry mode tools/program 755\n";
const INCLUDED: &str = "try write tools/included <<END\n[core]\n\tfsmonitor = touch {marker}\nEND\n";

const SETTINGS: [Setting; 31] = [
    setting(
        "core.hooksPath",
        "[core]\n\thooksPath = tools/hooks",
        "try write tools/hooks/post-commit <<END\n#!/bin/sh\ntouch {marker}\nEND\ntry mode tools/hooks/post-commit 755\n",
        "git commit -q --allow-empty -m x",
    ),
    setting(
        "core.fsmonitor",
        "[core]\n\tfsmonitor = touch {marker}",
        NOTHING,
        STATUS,
    ),
    setting(
        "core.sshCommand",
        "[core]\n\tsshCommand = touch {marker}",
        NOTHING,
        "git fetch ssh://host.invalid/x",
    ),
    setting(
        "core.gitProxy",
        "[core]\n\tgitProxy = tools/program",
        PROGRAM,
        "git fetch git://host.invalid/x",
    ),
    setting(
        "core.pager",
        "[core]\n\tpager = touch {marker}",
        NOTHING,
        "git grep -O project",
    ),
    setting(
        "core.editor",
        "[core]\n\teditor = touch {marker}",
        NOTHING,
        "git commit --allow-empty",
    ),
    setting(
        "sequence.editor",
        "[sequence]\n\teditor = touch {marker}",
        NOTHING,
        "git rebase -i HEAD~1",
    ),
    setting("core.askPass", "[core]\n\taskPass = tools/program", PROGRAM, CREDENTIAL),
    setting(
        "credential.helper",
        "[credential]\n\thelper = !touch {marker}",
        NOTHING,
        CREDENTIAL,
    ),
    setting("diff.external", "[diff]\n\texternal = touch {marker}", NOTHING, DIFF),
    setting(
        "diff.textconv",
        "[diff \"evil\"]\n\ttextconv = touch {marker}",
        EVIL,
        DIFF,
    ),
    setting(
        "diff.command",
        "[diff \"evil\"]\n\tcommand = touch {marker}",
        EVIL,
        DIFF,
    ),
    setting("filter.clean", "[filter \"evil\"]\n\tclean = touch {marker}", EVIL, ADD),
    setting(
        "filter.smudge",
        "[filter \"evil\"]\n\tsmudge = touch {marker}",
        EVIL,
        "rm README.md; git checkout -q README.md",
    ),
    setting(
        "filter.process",
        "[filter \"evil\"]\n\tprocess = touch {marker}",
        EVIL,
        ADD,
    ),
    setting(
        "merge.driver",
        "[merge \"evil\"]\n\tdriver = touch {marker}",
        EVIL,
        MERGE,
    ),
    setting(
        "mergetool.cmd",
        "[merge]\n\ttool = evil\n[mergetool \"evil\"]\n\tcmd = touch {marker}",
        NOTHING,
        "echo more >> README.md; git commit -qam more; git merge -q other; git mergetool -y",
    ),
    setting(
        "difftool.cmd",
        "[diff]\n\ttool = evil\n[difftool \"evil\"]\n\tcmd = touch {marker}",
        NOTHING,
        "echo more >> README.md; git difftool -y",
    ),
    setting(
        "attributes macro",
        "[filter \"macro\"]\n\tclean = touch {marker}",
        "try write .gitattributes <<END\n[attr]harmless filter=macro\n*.md harmless\nEND\n",
        ADD,
    ),
    setting(
        "info/attributes",
        "[filter \"evil\"]\n\tclean = touch {marker}",
        "try write {git}/info/attributes * filter=evil\n",
        ADD,
    ),
    setting(
        "gpg.program",
        "[gpg]\n\tprogram = tools/program\n[commit]\n\tgpgSign = true",
        PROGRAM,
        "git commit -q --allow-empty -m x",
    ),
    setting("alias", "[alias]\n\tst = !touch {marker}", NOTHING, "git st"),
    setting(
        "include.path",
        "[include]\n\tpath = ../tools/included",
        INCLUDED,
        STATUS,
    ),
    setting(
        "includeIf.path",
        "[includeIf \"gitdir:/\"]\n\tpath = ../tools/included",
        INCLUDED,
        STATUS,
    ),
    setting(
        "config.worktree",
        "[extensions]\n\tworktreeConfig = true",
        "try write {git}/config.worktree <<END\n[core]\n\tfsmonitor = touch {marker}\nEND\n",
        STATUS,
    ),
    setting(
        "core.worktree",
        "[core]\n\tworktree = {markers}",
        NOTHING,
        "git checkout -q -f HEAD -- README.md; mv {markers}/README.md {marker}",
    ),
    setting(
        "remote.uploadpack",
        "[remote \"origin\"]\n\turl = .\n\tuploadpack = touch {marker} &&",
        NOTHING,
        "git fetch origin",
    ),
    setting(
        "remote.receivepack",
        "[remote \"origin\"]\n\turl = .\n\treceivepack = touch {marker} &&",
        NOTHING,
        "git push origin HEAD:refs/heads/pushed",
    ),
    setting(
        "remote.url",
        "[remote \"evil\"]\n\turl = ext::touch {marker}\n[protocol \"ext\"]\n\tallow = always",
        NOTHING,
        "git fetch evil",
    ),
    setting(
        "submodule.update",
        "[submodule \"sub\"]\n\tupdate = !touch {marker}",
        NOTHING,
        "git submodule update --init",
    ),
    setting(
        "trailer.cmd",
        "[trailer \"evil\"]\n\tkey = Evil\n\tcmd = touch {marker}",
        NOTHING,
        "git commit -q --allow-empty -m x --trailer evil=1",
    ),
];

pub(super) fn attacks() -> Vec<Attack> {
    let attack = |setting: &Setting| {
        let script = format!(
            "try append {{git}}/config <<END\n{}\nEND\n{}",
            setting.config, setting.files
        );
        Attack::new(setting.name, &script, setting.trigger, Becomes::Merged)
    };
    SETTINGS.iter().map(attack).collect()
}
