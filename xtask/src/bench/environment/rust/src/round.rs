pub const ROUND: u32 = 0;
