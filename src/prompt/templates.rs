//! The templates that are in force: those of a person, each tried before it is used, and what is built in for all others.

use std::collections::BTreeMap;

use super::built_in::built_in;
use super::check::check;
use super::template::Template;
use crate::base::error::Result;
use crate::model::PromptName;

/// A template of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnTemplate {
    /// The path that the configuration names.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

impl OwnTemplate {
    /// Returns it as what is rendered.
    pub(crate) fn borrow(&self) -> Template<'_> {
        Template {
            name: &self.path,
            text: &self.text,
        }
    }
}

/// The templates that are in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct Templates {
    own: BTreeMap<PromptName, OwnTemplate>,
}

impl Templates {
    /// Puts a template of a person in the place of a built-in one.
    ///
    /// # Errors
    ///
    /// Those of [`check`].
    pub(crate) fn replace(&mut self, name: PromptName, own: OwnTemplate) -> Result<()> {
        check(name, own.borrow())?;
        self.own.insert(name, own);
        Ok(())
    }

    /// Returns the template of a prompt.
    pub(crate) fn get(&self, name: PromptName) -> Template<'_> {
        let own = self.own.get(&name).map(OwnTemplate::borrow);
        own.unwrap_or_else(|| built_in(name).template)
    }
}
