use super::*;
#[derive(Clone, Debug, Args)]
pub struct ImageArgs {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: ImageCommand,
}
#[derive(Clone, Debug, Subcommand)]
pub enum ImageCommand {
    Build,
}
pub(super) async fn execute(_: &ImageCommand, _: &Context) -> Result<u8> {
    todo!()
}
