use super::*;
#[derive(Clone, Debug, Args)]
pub struct IssuesArgs {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: IssuesCommand,
}
#[derive(Clone, Debug, Subcommand)]
pub enum IssuesCommand {
    Build,
}
pub(super) fn execute(_: &IssuesCommand, _: &Context) -> Result<u8> {
    todo!()
}
