//! What is not configuration in git's own folder: refs, objects, the index, marks of work in progress.

use crate::attacks::git::{Attack, Becomes};

pub(super) fn attacks() -> Vec<Attack> {
    let attack = |(name, script, trigger, becomes): (&str, &str, &'static str, Becomes)| {
        Attack::new(name, script, trigger, becomes)
    };
    ATTACKS.map(attack).into()
}

const ATTACKS: [(&str, &str, &str, Becomes); 14] = [
    (
        "alternates to another repository",
        "try write {git}/objects/info/alternates {secrets}\n",
        "git cat-file -e {secret} && touch {marker}",
        Becomes::Merged,
    ),
    (
        "a moved branch",
        "try write {git}/refs/heads/main {other}\n",
        "test $(git rev-parse main) = {other} && touch {marker}",
        Becomes::Merged,
    ),
    (
        "a ref whose name is a command",
        "try write {git}/refs/heads/x$(touch${IFS}injected) {head}\n",
        "for name in $(git for-each-ref --format='%(refname:short)'); do eval git log -1 $name; done
         mv injected {marker}",
        Becomes::Merged,
    ),
    (
        "a branch whose name is an option",
        "try write {git}/refs/heads/--output=planted {head}\n",
        "cd {markers} && git --git-dir=$OLDPWD/.git log -1 $(git --git-dir=$OLDPWD/.git for-each-ref \
         --format='%(refname:lstrip=2)' 'refs/heads/--*') && mv planted {marker}",
        Becomes::Merged,
    ),
    (
        "packed-refs",
        "try write {git}/packed-refs {head} refs/heads/planted\n",
        "git rev-parse --verify refs/heads/planted && touch {marker}",
        Becomes::Merged,
    ),
    (
        "a replaced object",
        "try write {git}/refs/replace/{readme} {old}\n",
        "git cat-file -p {readme} | grep -q ^old && touch {marker}",
        Becomes::Merged,
    ),
    (
        "grafts",
        "try write {git}/info/grafts {head}\n",
        "test $(git rev-list --count HEAD) = 1 && touch {marker}",
        Becomes::Merged,
    ),
    (
        "a shallow history",
        "try write {git}/shallow {head}\n",
        "test $(git rev-list --count HEAD) = 1 && touch {marker}",
        Becomes::Merged,
    ),
    (
        "another HEAD",
        "try write {git}/HEAD ref: refs/heads/other\n",
        "test $(git symbolic-ref HEAD) = refs/heads/other && touch {marker}",
        Becomes::Merged,
    ),
    (
        "a merge that nobody began",
        "try write {git}/MERGE_HEAD {other}\n",
        "git commit -q --allow-empty -m x && git merge-base --is-ancestor other HEAD && touch {marker}",
        Becomes::Merged,
    ),
    (
        "a lock that nobody holds",
        "try write {git}/index.lock x\n",
        "git add -A || touch {marker}",
        Becomes::Merged,
    ),
    (
        "an index that hides a change",
        "try bytes {git}/index {index}\nappend README.md hidden by the index\n",
        "grep -q 'hidden by the index' README.md && test -z \"$(git diff HEAD README.md)$(git status --porcelain README.md)\" \
         && test -z \"$(git log -p HEAD | grep 'hidden by the index')\" && touch {marker}",
        Becomes::Shown("README.md", "hidden by the index"),
    ),
    (
        "an exclusion that hides a file",
        "try write {git}/info/exclude *\nwrite src/excluded.txt hidden by rules\n",
        "test -z \"$(git status --porcelain src)$(git ls-files src/excluded.txt)\" && touch {marker}",
        Becomes::Shown("src/excluded.txt", "hidden by rules"),
    ),
    (
        "a sparse checkout that hides a change",
        "try append {git}/config <<END\n[core]\n\tsparseCheckout = true\nEND\ntry write {git}/info/sparse-checkout /src/\n",
        "git checkout -q other && test ! -e README.md && touch {marker}",
        Becomes::Merged,
    ),
];
