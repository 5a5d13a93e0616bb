//! Whether a deploy made a service worse: pass, fail, or not enough data.
