//! Getting ready: `init`, the image, and `doctor`. None of it calls an agent.

pub(crate) mod abandoned;
pub mod doctor;
pub mod image;
pub mod init;
pub(crate) mod services;
