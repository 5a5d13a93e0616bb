//! Typed questions as DataFusion plans. Expressions are built, never text, so no name can be mistaken for a query.

pub mod durations;
pub mod events;
pub mod groups;
pub mod heard;
pub mod logs;
pub mod profile;
pub mod resources;
pub mod rows;
pub mod series;
pub mod spans;
pub mod topology;
