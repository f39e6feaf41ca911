//! The commands, one file each.

pub(crate) mod audit;
pub(crate) mod bake;
pub(crate) mod bench;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod component;
pub(crate) mod emulate;
pub(crate) mod ensemble;
pub(crate) mod inspect;
pub(crate) mod models;
pub(crate) mod package;
pub(crate) mod predict;
pub(crate) mod promote;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod rollout;
pub(crate) mod seal;
pub(crate) mod serve;
pub(crate) mod sign;
pub(crate) mod verify;
