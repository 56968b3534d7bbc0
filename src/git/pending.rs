use super::*;
use crate::error::Result;
use std::path::PathBuf;
#[derive(PartialEq)]
pub enum Severity {
    Refuse,
    Warn,
}
pub struct Hazard {
    pub severity: Severity,
    pub text: String,
}
impl Git {
    pub fn hazards(&self, _: Oid) -> Result<Vec<Hazard>> {
        Ok(vec![])
    }
    pub fn dirty(&self) -> Result<Vec<PathBuf>> {
        todo!()
    }
    pub fn advance_checkout(&self, _: Oid, _: Oid) -> Result<()> {
        todo!()
    }
}
