//! A template of a prompt or of a seed file, before it is rendered.

/// A template: its name as errors show it, and its text.
#[derive(Clone, Copy, Debug)]
pub struct Template<'a> {
    /// The path that the configuration names.
    pub name: &'a str,
    /// Jinja, as minijinja reads it.
    pub text: &'a str,
}
