//! What the environment contains about the person's pager.

use std::ffi::OsString;

/// The pager where none is named.
const USUAL: &str = "less";

/// What the environment contains about the person's pager. An empty value means that there is to be none.
#[derive(Clone, Debug, Default)]
pub(crate) struct PagerVariables {
    /// `GIT_PAGER`.
    pub(crate) git_pager: Option<OsString>,
    /// `PAGER`.
    pub(crate) pager: Option<OsString>,
    /// Whether `LESS` is set.
    pub(crate) has_less: bool,
    /// Whether `LV` is set.
    pub(crate) has_lv: bool,
}

impl PagerVariables {
    /// Returns the pager; `None` where there is to be none. `setting` is git's `core.pager`.
    pub(super) fn choose(&self, setting: Option<String>) -> Option<OsString> {
        let chosen = self.git_pager.clone().or_else(|| setting.map(OsString::from));
        let chosen = chosen.or_else(|| self.pager.clone()).unwrap_or_else(|| USUAL.into());
        Some(chosen).filter(|pager| !pager.is_empty() && pager != "cat")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pager_is_chosen_as_git_chooses_it() {
        let some = |text: &str| Some(OsString::from(text));
        for (git_pager, setting, pager, expect) in [
            (None, None, None, Some("less")),
            (None, None, Some("more"), Some("more")),
            (None, Some("delta"), Some("more"), Some("delta")),
            (Some("most -s"), Some("delta"), Some("more"), Some("most -s")),
            (Some(""), Some("delta"), None, None),
            (None, Some("cat"), Some("more"), None),
            (None, None, Some(""), None),
        ] {
            let variables = PagerVariables {
                git_pager: git_pager.and_then(some),
                pager: pager.and_then(some),
                ..PagerVariables::default()
            };
            assert_eq!(variables.choose(setting.map(str::to_owned)), expect.and_then(some));
        }
    }
}
