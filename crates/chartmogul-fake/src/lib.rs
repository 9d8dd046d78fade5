#![doc = include_str!("../README.md")]

mod auth;
mod canned;
mod errors;
mod paging;
mod recorded;
mod resources;
pub mod samples;
mod server;
mod state;
mod store;

pub use canned::Canned;
pub use recorded::Recorded;
pub use resources::opportunities::Opportunities;
pub use server::{Fake, StartError};
