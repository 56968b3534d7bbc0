//! Claude Code's stream-json, line in, event out.
