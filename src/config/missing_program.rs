//! What brings a program into the image that lacks it.

use super::{Image, toolchain};
use crate::base::text::one_line;

/// How the name of the image begins that `cordwainer image build` makes where the configuration describes none.
const DEFAULT: &str = "localhost/cordwainer-claude:";

/// Returns what brings a program into this image, as a sentence without its end: a description that there is, else one
/// that makes an image from what is only named. Without a program it is not known which is missing.
pub(crate) fn bringing_into(image: &Image, program: Option<&str>) -> String {
    let (what, how) = match program {
        Some(program) => (format!("`{}`", one_line(program, 60)), toolchain::bringing(program)),
        None => (
            "what is missing".to_owned(),
            "add the package that has it to `image.build.packages`".to_owned(),
        ),
    };
    if image.build.is_some() || image.name.starts_with(DEFAULT) {
        return format!("{what}: {how}");
    }
    let name = &image.name;
    format!(
        "{what}: add it to the image `{name}`, which `image` only names; or write `image: {{build: {{base: '{name}'}}}}` \
         instead, where {how}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_brought_by_the_description_or_by_whoever_makes_the_image() {
        let described = Image {
            build: Some(crate::config::ImageBuild::default()),
            ..Image::named("localhost/cordwainer-image:1")
        };
        let (usual, named) = (
            Image::named("localhost/cordwainer-claude:latest"),
            Image::named("mine:1"),
        );
        for image in [&described, &usual] {
            assert_eq!(
                bringing_into(image, Some("npm")),
                "`npm`: `npm` in `image.build.tools` brings it"
            );
        }
        let text = bringing_into(&named, Some("npm"));
        assert!(
            text.starts_with("`npm`: add it to the image `mine:1`, which `image` only names; or write "),
            "{text}"
        );
        assert!(text.contains("`image: {build: {base: 'mine:1'}}`"), "{text}");
        assert!(bringing_into(&named, None).contains("add the package that has it"));
    }
}
