//! Bytes taken from the front, never more than there are.

use super::error::HelloError;

/// What is left of a message.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], HelloError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(HelloError::Field)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Takes a number of `WIDTH` bytes, the highest first.
    pub(super) fn take_number<const WIDTH: usize>(&mut self) -> Result<usize, HelloError> {
        let digits = self.take(WIDTH)?;
        Ok(digits.iter().fold(0, |number, digit| number << 8 | usize::from(*digit)))
    }

    /// Takes a number of `WIDTH` bytes, and then as many bytes as that number.
    pub(super) fn take_counted<const WIDTH: usize>(&mut self) -> Result<&'a [u8], HelloError> {
        let count = self.take_number::<WIDTH>()?;
        self.take(count)
    }

    /// Checks that nothing is left.
    pub(super) fn end(&self) -> Result<(), HelloError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(HelloError::Field)
        }
    }
}
