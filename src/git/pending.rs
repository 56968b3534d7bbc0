use super::*;
use crate::error::Result;
use std::path::{Path, PathBuf};
pub struct SlotPool;
pub struct Slot;
pub struct Leftover {
    pub number: u32,
    pub owner: String,
}
pub struct PrivateRepository {
    pub pointer_file: PathBuf,
    pub git_dir: PathBuf,
    pub object_dirs: Vec<(PathBuf, PathBuf)>,
}
pub struct SnapshotLimits {
    pub max_file_bytes: u64,
    pub max_files: usize,
}
pub struct Snapshot {
    pub tree: Oid,
    pub changed: Vec<Change>,
    pub skipped: Vec<(PathBuf, String)>,
    pub refused: Vec<(PathBuf, String)>,
}
#[derive(PartialEq)]
pub enum Severity {
    Refuse,
    Warn,
}
pub struct Hazard {
    pub severity: Severity,
    pub text: String,
}
impl SlotPool {
    pub fn new(_: Git, _: &Path) -> Self {
        todo!()
    }
    pub fn acquire(&self, _: &str) -> Result<Slot> {
        todo!()
    }
    pub fn leftovers(&self) -> Result<Vec<Leftover>> {
        todo!()
    }
    pub fn adopt(&self, _: u32) -> Result<Slot> {
        todo!()
    }
    pub fn listed(&self) -> Result<Vec<u32>> {
        todo!()
    }
    pub fn remove_all(&self) -> Result<()> {
        todo!()
    }
}
impl Slot {
    pub fn path(&self) -> &Path {
        todo!()
    }
    pub fn restore(&mut self, _: Oid, _: Option<(u32, u32)>) -> Result<()> {
        todo!()
    }
    pub fn private_repository(&self, _: &Path, _: Oid, _: Option<(u32, u32)>) -> Result<PrivateRepository> {
        todo!()
    }
    pub fn snapshot(&mut self, _: Oid, _: &SnapshotLimits) -> Result<Snapshot> {
        todo!()
    }
    pub fn release(self) -> Result<()> {
        todo!()
    }
    pub fn restored_to(&self) -> Result<Option<Oid>> {
        todo!()
    }
}
impl Git {
    pub fn hazards(&self, _: Oid) -> Result<Vec<Hazard>> {
        todo!()
    }
    pub fn dirty(&self) -> Result<Vec<PathBuf>> {
        todo!()
    }
    pub fn advance_checkout(&self, _: Oid, _: Oid) -> Result<()> {
        todo!()
    }
}
